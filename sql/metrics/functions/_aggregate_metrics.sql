create or replace function dbkit._aggregate_metrics(
  p_level int,
  p_event_type text,
  p_from timestamptz,
  p_to timestamptz,
  p_series text default null,
  p_organization text default null
)
returns setof dbkit.metric_rollups
language plpgsql
stable
as $$
declare
  v_step interval := p_level * interval '1 second';
  v_type dbkit.metric_event_types;
begin
  select * into v_type from dbkit.metric_event_types t where t.event_type = p_event_type;
  return query
  with given as (
    select date_bin(v_step, m.created_at, '2000-01-01Z') as bucket, m.organization_id,
      case when p_series is distinct from '*' then dbkit._metric_series(m.event_data, v_type.series_key) else '' end
        collate "C" as series,
      dbkit._metric_value(m.event_data, v_type.status_key) >= 500 as failed,
      dbkit._metric_value(m.event_data, v_type.value_key) as v
    from dbkit.runtime_metrics m
    where m.event_type = p_event_type and m.created_at >= p_from and m.created_at < p_to
      and (p_organization is null or m.organization_id = p_organization)
  ),
  counted as (
    select g.bucket, g.organization_id, coalesce(g.series, '*') as series, g.x,
      count(*) as n, count(*) filter (where g.failed) as failures, count(g.v) as measured, sum(g.v) as total,
      min(g.v) as least_value, max(g.v) as greatest_value
    from (select i.*, case when i.v >= 1e-6 then ceil(ln(i.v) / ln(1.05::float8))::int end as x from given i) as g
    group by grouping sets ((g.bucket, g.organization_id, g.series, g.x), (g.bucket, g.organization_id, g.x))
  )
  select p_level, p_event_type, c.bucket, c.series, c.organization_id,
    sum(c.n)::bigint, sum(c.failures)::bigint, sum(c.measured)::bigint,
    coalesce(sum(c.measured) filter (where c.x is null), 0)::bigint, coalesce(sum(c.total), 0),
    min(c.least_value), max(c.greatest_value), min(c.x),
    coalesce(dbkit._pack_histogram(
      array_agg(c.x) filter (where c.x is not null), array_agg(c.n) filter (where c.x is not null)), '{}')
  from counted c
  where p_series is null or c.series = p_series
  group by c.bucket, c.series, c.organization_id;
end
$$;
comment on function dbkit._aggregate_metrics(int, text, timestamptz, timestamptz, text, text) is
  'Roll-ups of a type''s events in [p_from, p_to), made from the events; p_series: of that series, * for all
as one.';
