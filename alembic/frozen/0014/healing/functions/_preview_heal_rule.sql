-- The rule's functions are somebody's: they look in a subtransaction that may not write, and is taken back.
-- What is found outlives it, because a variable is no row.
create or replace function dbkit._preview_heal_rule(p_rule text)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_rule dbkit.heal_rules;
  v_except constant text[] := dbkit._heal_exceptions(p_rule);
  v_outcome text;
  v_limit int;
  v_judged jsonb := '{}'::jsonb;
  v_rows jsonb := '[]'::jsonb;
  v_looked boolean := false;
  v_error text;
begin
  select * into v_rule from dbkit.heal_rules r where r.rule = p_rule;
  if v_rule.rule is null then
    perform dbkit._raise_unknown_heal_rule(p_rule);
  end if;
  v_outcome := dbkit._heal_verdict(v_rule);
  v_limit := least(v_rule.batch_size, nullif(dbkit._heal_budget_left(v_rule), 0), nullif(v_rule.allowance, 0));
  begin
    perform set_config('transaction_read_only', 'on', true);
    v_judged := dbkit._judge_heal_rule(v_rule, v_except);
    v_rows := dbkit._call_heal_function(v_rule.find_function, v_rule.params, v_limit, v_except);
    v_looked := true;
    raise exception 'back to where it was' using errcode = 'assert_failure';
  exception when assert_failure or others then
    if not v_looked then
      v_error := format('%s: %s', sqlstate, sqlerrm);
    end if;
  end;
  v_outcome := case when v_error is not null then 'failed'
    when v_outcome is not null then v_outcome
    when (v_judged ->> 'trips')::boolean then 'tripped'
    when v_rows = '[]' then 'nothing' else 'healed' end;
  return jsonb_build_object('rule', p_rule, 'dry_run', true, 'run_id', null, 'outcome', v_outcome,
    'found', v_judged -> 'found', 'population', v_judged -> 'population', 'healed', 0,
    'budget_left', dbkit._heal_budget_left(v_rule), 'more', false, 'error', v_error, 'changes', v_rows);
end
$$;
comment on function dbkit._preview_heal_rule(text) is
  'What run_heal_rule would do: its answer, and no change. Raises KD740.';
grant execute on function dbkit._preview_heal_rule(text) to service_role, super_admin;
