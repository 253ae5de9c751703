create or replace function dbkit._core_figures()
returns table (figure text, labels jsonb, value double precision, help text)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading figures');
  return query
  select 'connections', jsonb_build_object('state', coalesce(a.state, 'other')), count(*)::float8,
    'Connections of clients to the server.'
  from pg_stat_activity a where a.backend_type = 'client backend' group by coalesce(a.state, 'other')
  union all
  select 'connections_max', '{}', current_setting('max_connections')::float8, 'max_connections of the server.'
  union all
  select 'database_bytes', '{}', pg_database_size(current_database())::float8, 'Size of the database.'
  union all
  select 'transaction_id_age', '{}', age(d.datfrozenxid)::float8,
    'Age of the oldest unfrozen transaction id: autovacuum has to act before 2 billion.'
  from pg_database d where d.datname = current_database()
  union all
  select 'oldest_transaction_seconds', '{}',
    coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)::float8,
    'Age of the oldest open transaction that may be seen.'
  from pg_stat_activity a where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  union all
  select 'slot_retained_bytes', jsonb_build_object('slot', s.slot_name),
    pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
      s.restart_lsn)::float8, 'WAL that a replication slot keeps.'
  from pg_replication_slots s
  union all
  select 'partition_runway_days', jsonb_build_object('table', r.name),
    extract(epoch from (r.last_day + 1)::timestamp - dbkit.clock() at time zone 'UTC')::float8 / 86400,
    'Days until a table partitioned by day has no partition for new rows.'
  from dbkit._partition_runway() as r (name, last_day)
  union all
  select 'workers', '{}', count(*)::float8, 'Workers that showed themselves in the last minute.'
  from dbkit.workers w where w.beat_at > dbkit.clock() - interval '1 minute'
  union all
  select 'task_overdue_seconds', jsonb_build_object('task', t.task),
    greatest(extract(epoch from dbkit.clock() - t.next_run_at), 0)::float8, 'How late a task of workers is.'
  from dbkit.worker_tasks t
  union all
  select 'task_failures_in_a_row', jsonb_build_object('task', t.task), t.failures_in_a_row::float8,
    'Runs of a task that failed since the last that did not.'
  from dbkit.worker_tasks t;
end
$$;
comment on function dbkit._core_figures() is 'Figures of the server and of module core.';
grant execute on function dbkit._core_figures() to service_role, super_admin;
