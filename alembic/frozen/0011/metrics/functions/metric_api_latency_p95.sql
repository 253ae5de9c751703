create or replace function dbkit.metric_api_latency_p95(
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
set jit = off
as $$
declare
  v_found record;
begin
  perform dbkit.require_service('reading metrics');
  select p.measured, p.percentiles into v_found
  from dbkit._metric_percentiles('api_latency', dbkit._window_start(p_now, p_window_minutes), p_now,
    coalesce(p_params ->> 'endpoint', '*'), p_params ->> 'organization', array[0.95]) as p;
  samples := coalesce(v_found.measured, 0);
  value := v_found.percentiles[1];
end
$$;
comment on function dbkit.metric_api_latency_p95(timestamptz, int, jsonb) is
  '95th percentile of latency_ms (milliseconds, within 2.5 %) of the api_latency events in the window before
p_now (which begins with a whole minute), and how many have one. p_params: endpoint, organization (default:
all). Without events the value is NULL.
Nullable: value. Needs service_role (KD003).';
grant execute on function dbkit.metric_api_latency_p95(timestamptz, int, jsonb) to service_role, super_admin;
