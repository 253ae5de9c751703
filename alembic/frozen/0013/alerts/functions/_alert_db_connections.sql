-- pg_stat_database, because pg_stat_activity hides other roles' rows from who is no monitor.
create or replace function dbkit._alert_db_connections(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
begin
  if dbkit._is_alert_time_now(p_now) and p_window_minutes > 0 and p_params is not null then
    select 100.0::double precision * sum(d.numbackends) / current_setting('max_connections')::int,
      sum(d.numbackends)
    into value, samples
    from pg_catalog.pg_stat_database d;
  end if;
end
$$;
comment on function dbkit._alert_db_connections(timestamptz, int, jsonb) is
  'Connections in percent of max_connections, and how many; NULL for the past.';
grant execute on function dbkit._alert_db_connections(timestamptz, int, jsonb) to service_role, super_admin;
