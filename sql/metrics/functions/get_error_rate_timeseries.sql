create or replace function dbkit.get_error_rate_timeseries(
  p_hours int default 24,
  p_bucket_minutes int default 60
)
returns table (
  bucket timestamptz,
  request_count bigint,
  error_count bigint,
  error_rate double precision,
  error_events bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_to timestamptz := dbkit.clock();
  v_from timestamptz;
  v_step interval;
begin
  perform dbkit.require_service('reading metrics');
  perform dbkit._check_hours(p_hours);
  if (p_bucket_minutes between 1 and 10080 and p_hours * 60 / p_bucket_minutes <= 1500) is not true then
    perform dbkit.raise_error('KD004', 'p_bucket_minutes must be between 1 and 10080, and make at most 1500 buckets',
      jsonb_build_object('argument', 'p_bucket_minutes', 'value', p_bucket_minutes));
  end if;
  v_from := v_to - p_hours * interval '1 hour';
  v_step := p_bucket_minutes * interval '1 minute';
  return query
  select b.at, c.samples, c.failures, 100.0::float8 * c.failures / nullif(c.samples, 0), e.samples
  from generate_series(date_bin(v_step, v_from, '2000-01-01Z'), v_to, v_step) as b (at)
  cross join lateral dbkit._metric_counts('api_latency', greatest(b.at, v_from), least(b.at + v_step, v_to)) as c
  cross join lateral dbkit._metric_counts('error', greatest(b.at, v_from), least(b.at + v_step, v_to)) as e
  where greatest(b.at, v_from) < least(b.at + v_step, v_to)
  order by b.at;
end
$$;
comment on function dbkit.get_error_rate_timeseries(int, int) is
  'Requests, those with a status of 500 or above, their percentage, and error events of the last p_hours, in
buckets that begin at multiples of p_bucket_minutes since 2000-01-01 UTC, whatever the session''s time zone;
the first and last hold what lies in the while. Empty buckets are there, with an error_rate of NULL.
Nullable: error_rate.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_error_rate_timeseries(int, int) to service_role, super_admin;
