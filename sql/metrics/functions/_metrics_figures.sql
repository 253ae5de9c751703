create or replace function dbkit._metrics_figures()
returns table (figure text, labels jsonb, value double precision, help text)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading figures');
  return query
  select 'metrics_rollup_lag_seconds', '{}'::jsonb,
    case when isfinite(s.rolled_until) then extract(epoch from clock_timestamp() - s.rolled_until)::float8 end,
    'How old the newest metrics are that are rolled up.'
  from dbkit.metric_rollup_state s
  union all
  select 'metrics_late_minutes', '{}', count(distinct d.minute)::float8,
    'Minutes whose roll-ups wait to be made again.'
  from dbkit.metric_rollup_dirty d
  union all
  select 'metrics_dropped_total', jsonb_build_object('reason', d.reason), sum(d.dropped)::float8,
    'Events that ingest_metrics did not take; series_cap: stored as __other__.'
  from dbkit.metric_drops d group by d.reason
  union all
  select 'metrics_bytes', '{}', coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::float8,
    'Size of runtime_metrics with its indexes.'
  from pg_inherits i where i.inhparent = 'dbkit.runtime_metrics'::regclass;
end
$$;
comment on function dbkit._metrics_figures() is 'Figures of module metrics.';
grant execute on function dbkit._metrics_figures() to service_role, super_admin;
