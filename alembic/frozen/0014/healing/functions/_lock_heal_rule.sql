-- Locks: the switch, shared, then the rule. Nothing that a rule's function locks comes before them.
create or replace function dbkit._lock_heal_rule(p_rule text)
returns dbkit.heal_rules
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.heal_rules;
begin
  perform dbkit.require_service('healing');
  perform from dbkit.heal_switch s for share;
  select * into v_rule from dbkit.heal_rules r where r.rule = p_rule for update;
  if v_rule.rule is null then
    perform dbkit._raise_unknown_heal_rule(p_rule);
  end if;
  return v_rule;
end
$$;
comment on function dbkit._lock_heal_rule(text) is
  'A rule, its row and the switch locked for a run. Raises KD003, KD740.';
grant execute on function dbkit._lock_heal_rule(text) to service_role, super_admin;
