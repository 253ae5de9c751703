create or replace function dbkit.ensure_metric_partitions()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('making partitions');
  return dbkit._make_metric_days(14);
end
$$;
comment on function dbkit.ensure_metric_partitions() is
  'Makes the missing days of runtime_metrics, up to 14 days ahead. Returns how many. A task of workers.
Needs service_role. Raises KD003.';
grant execute on function dbkit.ensure_metric_partitions() to service_role, super_admin;
