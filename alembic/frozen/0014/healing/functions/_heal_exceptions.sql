-- A person who undoes a healing knows better, so the rule must not do it again at its next run.
create or replace function dbkit._heal_exceptions(p_rule text)
returns text[]
language plpgsql
stable
as $$
begin
  return array(
    select distinct l.subject::text
    from dbkit.heal_ledger l
    where l.rule = p_rule and l.undone_at > dbkit.clock() - interval '30 days');
end
$$;
comment on function dbkit._heal_exceptions(text) is
  'Subjects that a rule leaves alone: what it did to them was undone in the last 30 days.';
grant execute on function dbkit._heal_exceptions(text) to service_role, super_admin;
