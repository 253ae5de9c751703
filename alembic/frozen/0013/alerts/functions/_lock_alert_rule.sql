create or replace function dbkit._lock_alert_rule(p_name text)
returns dbkit.alert_rules
language plpgsql
volatile
as $$
declare
  v_rule dbkit.alert_rules;
begin
  perform from dbkit.alert_rule_states s
  join dbkit.alert_rules r on r.id = s.rule_id
  where r.organization_id = dbkit.current_organization() and r.name = p_name
  for update of s;
  select r.*
  into v_rule
  from dbkit.alert_rules r
  where r.organization_id = dbkit.current_organization() and r.name = p_name;
  if v_rule.id is null then
    perform dbkit._raise_unknown_alert_rule(p_name);
  end if;
  return v_rule;
end
$$;
comment on function dbkit._lock_alert_rule(text) is
  'A rule of the caller''s organization, its state locked. Raises KD720.';
