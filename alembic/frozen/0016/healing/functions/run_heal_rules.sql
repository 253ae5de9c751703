-- All are judged first, and then each takes its turn: see _foresee_heal_rule.
create or replace function dbkit.run_heal_rules(p_group text default null, p_dry_run boolean default false)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_rule record;
  v_runs jsonb := '[]'::jsonb;
begin
  for v_rule in
    select g.rule, g.judged
    from (
      select array_agg(r.rule order by r.run_order, r.rule) as rules,
        array_agg(case when p_dry_run is not true then dbkit._foresee_heal_rule(r.rule) end
          order by r.run_order, r.rule) as judgements
      from dbkit.heal_rules r
      where p_group is null or r.rule_group = p_group) as all_rules
    cross join lateral unnest(all_rules.rules, all_rules.judgements) with ordinality as g (rule, judged, number)
    order by g.number
  loop
    v_runs := v_runs || case when p_dry_run then dbkit._preview_heal_rule(v_rule.rule)
      else dbkit._run_heal_rule(v_rule.rule, v_rule.judged) end;
  end loop;
  return jsonb_build_object('dry_run', p_dry_run is true,
    'healed', (select coalesce(sum((r ->> 'healed')::int), 0) from jsonb_array_elements(v_runs) r),
    'more', v_runs @> '[{"more": true}]', 'rules', v_runs);
end
$$;
comment on function dbkit.run_heal_rules(text, boolean) is
  'Runs every rule once, or those of a group, in their order: a batch of each. rules: what run_heal_rule
answered. more: call again, there may be more.
Returns {dry_run boolean, healed bigint, more boolean, rules jsonb}.
Needs service_role. Raises KD003.';
grant execute on function dbkit.run_heal_rules(text, boolean) to service_role, super_admin;
