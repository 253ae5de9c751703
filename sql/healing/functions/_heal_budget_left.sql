create or replace function dbkit._heal_budget_left(p_rule dbkit.heal_rules)
returns int
language plpgsql
stable
as $$
begin
  return greatest(p_rule.budget_per_hour - (
    select count(*)
    from dbkit.heal_ledger l
    where l.rule = p_rule.rule and l.healed_at > dbkit.clock() - interval '1 hour')::int, 0);
end
$$;
comment on function dbkit._heal_budget_left(dbkit.heal_rules) is
  'How many changes a rule may still make in the hour until now.';
grant execute on function dbkit._heal_budget_left(dbkit.heal_rules) to service_role, super_admin;
