create or replace function dbkit.get_api_latency_stats(p_hours int default 24)
returns table (
  endpoint text,
  request_count bigint,
  error_count bigint,
  avg_ms double precision,
  p50_ms double precision,
  p75_ms double precision,
  p95_ms double precision,
  p99_ms double precision,
  max_ms double precision
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading latencies');
  perform dbkit._check_hours(p_hours);
  return query
  select s.series, s.samples, s.failures, s.total / nullif(s.measured, 0), s.percentiles[1], s.percentiles[2],
    s.percentiles[3], s.percentiles[4], s.greatest_value
  from dbkit._metric_percentiles('api_latency', dbkit.clock() - p_hours * interval '1 hour', dbkit.clock(), null, null,
    array[0.5, 0.75, 0.95, 0.99]) as s
  order by s.samples desc, s.series;
end
$$;
comment on function dbkit.get_api_latency_stats(int) is
  'Requests, errors (status of 500 or above) and latencies in milliseconds of each endpoint in the last
p_hours, busiest first. Percentiles are within 2.5 % of the exact ones, average and maximum are exact.
Nullable: avg_ms, p50_ms, p75_ms, p95_ms, p99_ms, max_ms.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_api_latency_stats(int) to service_role, super_admin;
