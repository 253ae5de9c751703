create or replace function dbkit.metric_error_rate(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb default '{}',
  out value double precision,
  out samples bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_counts record;
begin
  perform dbkit.require_service('reading metrics');
  select * into v_counts
  from dbkit._metric_counts('api_latency', dbkit._window_start(p_now, p_window_minutes), p_now,
    p_params ->> 'endpoint', p_params ->> 'organization');
  samples := v_counts.samples;
  value := 100.0::float8 * v_counts.failures / nullif(samples, 0);
end
$$;
comment on function dbkit.metric_error_rate(timestamptz, int, jsonb) is
  'Percent of the api_latency events in the window before p_now (which begins with a whole minute) that have
a status of 500 or above, and how many events there are. p_params: endpoint, organization (default: all).
Without events the value is NULL.
Nullable: value. Needs service_role (KD003).';
grant execute on function dbkit.metric_error_rate(timestamptz, int, jsonb) to service_role, super_admin;
