create or replace function dbkit.delete_alert_rule(p_name text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.alert_rules;
begin
  perform dbkit.require_service('deleting an alert rule');
  v_rule := dbkit._lock_alert_rule(p_name);
  perform dbkit._close_alert(v_rule.id, dbkit.clock(), null, dbkit.caller_role(), 'the rule was deleted');
  delete from dbkit.alert_rules r where r.id = v_rule.id;
end
$$;
comment on function dbkit.delete_alert_rule(text) is
  'Deletes a rule of the caller''s organization; its open alert is resolved, its history stays.
Needs service_role. Raises KD003, KD720.';
grant execute on function dbkit.delete_alert_rule(text) to service_role, super_admin;
