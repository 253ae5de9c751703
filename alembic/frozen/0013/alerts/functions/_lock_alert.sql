create or replace function dbkit._lock_alert(p_alert_id bigint)
returns dbkit.alert_history
language plpgsql
volatile
as $$
declare
  v_alert dbkit.alert_history;
begin
  perform from dbkit.alert_rule_states s
  where s.rule_id = (
    select h.alert_rule_id
    from dbkit.alert_history h
    where h.id = p_alert_id and h.organization_id = dbkit.current_organization())
  for update;
  select h.*
  into v_alert
  from dbkit.alert_history h
  where h.id = p_alert_id and h.organization_id = dbkit.current_organization()
  for update;
  if v_alert.id is null then
    perform dbkit.raise_error('KD725', format('there is no alert %s', coalesce(p_alert_id::text, 'NULL')),
      jsonb_build_object('alert_id', p_alert_id), 'dbkit.get_alerts() lists them.');
  elsif v_alert.status = 'resolved' then
    perform dbkit.raise_error('KD726', format('alert %s is resolved', p_alert_id),
      jsonb_build_object('alert_id', p_alert_id, 'resolved_at', v_alert.resolved_at));
  end if;
  return v_alert;
end
$$;
comment on function dbkit._lock_alert(bigint) is
  'An open alert of the caller''s organization, locked after the state of its rule. Raises KD725, KD726.';
