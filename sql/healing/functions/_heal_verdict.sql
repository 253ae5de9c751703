create or replace function dbkit._heal_verdict(p_rule dbkit.heal_rules)
returns text
language plpgsql
stable
as $$
begin
  return case
    when not exists (select from dbkit.heal_switch s where s.enabled) then 'switched_off'
    when not p_rule.enabled then 'disabled'
    when p_rule.tripped_at is not null then 'tripped'
    when dbkit._heal_budget_left(p_rule) = 0 then 'over_budget'
  end;
end
$$;
comment on function dbkit._heal_verdict(dbkit.heal_rules) is
  'Why a rule may change nothing now: an outcome of heal_runs; NULL: it may.';
grant execute on function dbkit._heal_verdict(dbkit.heal_rules) to service_role, super_admin;
