-- The database does not know how much the disk holds: the operator says so, in the rule's parameters.
create or replace function dbkit._alert_storage_usage(
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
  if dbkit._is_alert_time_now(p_now) and p_window_minutes > 0
    and p_params ->> 'capacity_gb' ~ '^[0-9]{1,9}([.][0-9]{1,6})?$' then
    value := 100 * pg_database_size(current_database())
      / nullif((p_params ->> 'capacity_gb')::double precision * 1e9, 0);
    samples := 1;
  end if;
end
$$;
comment on function dbkit._alert_storage_usage(timestamptz, int, jsonb) is
  'Size of the database in percent of capacity_gb (p_params, 10^9 bytes); NULL when that is not set, or for
the past.';
grant execute on function dbkit._alert_storage_usage(timestamptz, int, jsonb) to service_role, super_admin;
