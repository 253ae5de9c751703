-- Before anything is locked: counting a population takes long where it is large, and what an earlier rule of
-- the same run has changed would stay locked meanwhile.
create or replace function dbkit._foresee_heal_rule(p_rule text)
returns jsonb
language plpgsql
stable
as $$
declare
  v_rule dbkit.heal_rules;
begin
  select * into v_rule from dbkit.heal_rules r where r.rule = p_rule;
  if dbkit._heal_verdict(v_rule) is null then
    return dbkit._judge_heal_rule(v_rule, dbkit._heal_exceptions(p_rule));
  end if;
  return null;
exception when others then
  return null;
end
$$;
comment on function dbkit._foresee_heal_rule(text) is
  'What _judge_heal_rule says of a rule as it is now; NULL when it may not run, or cannot be judged: its run
says why.';
grant execute on function dbkit._foresee_heal_rule(text) to service_role, super_admin;
