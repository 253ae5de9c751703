create or replace function dbkit.get_metrics_summary(p_hours int default 24)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_to timestamptz := dbkit.clock();
  v_from timestamptz;
  v_types jsonb;
  v_latency record;
begin
  perform dbkit.require_service('reading metrics');
  perform dbkit._check_hours(p_hours);
  v_from := v_to - p_hours * interval '1 hour';
  select coalesce(jsonb_object_agg(t.event_type, c.samples), '{}') into v_types
  from dbkit.metric_event_types t
  cross join lateral dbkit._metric_counts(t.event_type, v_from, v_to) as c;
  select p.samples, p.failures, p.total / nullif(p.measured, 0) as average, p.percentiles[1] as p95 into v_latency
  from dbkit._metric_percentiles('api_latency', v_from, v_to, '*', null, array[0.95]) as p;
  return jsonb_build_object(
    'hours', p_hours,
    'total_events', (select coalesce(sum(n::bigint), 0) from jsonb_each_text(v_types) as e (k, n)),
    'by_type', v_types,
    'errors', coalesce((v_types ->> 'error')::bigint, 0),
    'error_sessions', (
      select count(distinct m.session_id)
      from dbkit.runtime_metrics m
      where m.event_type = 'error' and m.created_at >= v_from and m.created_at < v_to),
    'page_views', coalesce((v_types ->> 'page_view')::bigint, 0),
    'api_requests', coalesce(v_latency.samples, 0),
    'api_errors', coalesce(v_latency.failures, 0),
    'error_rate', 100.0 * v_latency.failures / nullif(v_latency.samples, 0),
    'avg_latency_ms', v_latency.average,
    'p95_latency_ms', v_latency.p95,
    'dropped', (
      select coalesce(sum(d.dropped), 0) from dbkit.metric_drops d
      where d.hour > v_from - interval '1 hour' and d.reason <> 'series_cap'));
end
$$;
comment on function dbkit.get_metrics_summary(int) is
  'The last p_hours in numbers: events by type, errors and the sessions that had some, requests and their
error_rate (percent with a status of 500 or above; NULL without requests), latencies in milliseconds, events
that ingest_metrics dropped (by whole hours).
Returns {hours int, total_events bigint, by_type jsonb, errors bigint, error_sessions bigint, page_views bigint, api_requests bigint, api_errors bigint, error_rate double precision?, avg_latency_ms double precision?, p95_latency_ms double precision?, dropped bigint}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_metrics_summary(int) to service_role, super_admin;
