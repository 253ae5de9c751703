create or replace function dbkit.unregister_alert_metric(p_metric_type text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a metric of alerts');
  return dbkit._unregister_alert_metric(p_metric_type);
end
$$;
comment on function dbkit.unregister_alert_metric(text) is
  'Forgets a metric. Returns whether there was one. Needs super_admin. Raises KD003, KD733.';
grant execute on function dbkit.unregister_alert_metric(text) to super_admin;
