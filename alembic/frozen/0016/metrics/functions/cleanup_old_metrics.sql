-- A day is dropped as a whole: 1 ms against the minutes that deleting its rows takes. Counted beforehand,
-- since the drop's lock lets nobody read.
create or replace function dbkit.cleanup_old_metrics(p_retention_days int default 30)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_before timestamptz;
  v_deleted bigint;
begin
  perform dbkit.require_service('deleting metrics');
  if p_retention_days between 1 and 100000 is not true then
    perform dbkit.raise_error('KD004', 'p_retention_days must be between 1 and 100000',
      jsonb_build_object('argument', 'p_retention_days', 'value', p_retention_days));
  end if;
  v_before := date_trunc('day', dbkit.clock(), 'UTC') - p_retention_days * interval '24 hours';
  select count(*) into v_deleted from dbkit.runtime_metrics m where m.created_at < v_before;
  perform dbkit.drop_day_partitions('dbkit.runtime_metrics', p_retention_days);
  delete from dbkit.metric_rollup_dirty d where d.minute < v_before;
  delete from dbkit.metric_series s where s.hour < dbkit.clock() - interval '2 hours';
  delete from dbkit.metric_drops d where d.hour < v_before;
  delete from dbkit.metric_rollups r
  where r.bucket < dbkit.clock() - greatest(p_retention_days, 400) * interval '24 hours';
  return v_deleted;
end
$$;
comment on function dbkit.cleanup_old_metrics(int) is
  'Drops the days of runtime_metrics that ended p_retention_days or more ago and returns how many events
that were. Roll-ups by hour and day stay for 400 days (or p_retention_days, if that is more). A task of
workers.
Needs service_role. Raises KD003, KD004; 55P03 when a reader holds a day for longer than 2 s.';
grant execute on function dbkit.cleanup_old_metrics(int) to service_role, super_admin;
