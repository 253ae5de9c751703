create or replace function dbkit.resume_heal_rule(p_rule text, p_allow int default 0)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.heal_rules;
begin
  perform dbkit.require_service('resuming a heal rule');
  if p_allow between 0 and 1000000 is not true then
    perform dbkit.raise_error('KD004', 'p_allow must be between 0 and 1000000',
      jsonb_build_object('argument', 'p_allow', 'value', p_allow));
  end if;
  select * into v_rule from dbkit.heal_rules r where r.rule = p_rule for update;
  if v_rule.rule is null then
    perform dbkit._raise_unknown_heal_rule(p_rule);
  end if;
  update dbkit.heal_rules r
  set tripped_at = null, trip_detail = null, allowance = p_allow
  where r.rule = p_rule;
  return v_rule.tripped_at is not null;
end
$$;
comment on function dbkit.resume_heal_rule(text, int) is
  'Lets a rule that tripped go on, after somebody has looked. The next p_allow changes are not judged by their
share; the budget holds all the same. Returns whether it had tripped.
Needs service_role. Raises KD003, KD004, KD740.';
grant execute on function dbkit.resume_heal_rule(text, int) to service_role, super_admin;
