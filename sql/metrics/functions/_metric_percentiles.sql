create or replace function dbkit._metric_percentiles(
  p_event_type text,
  p_from timestamptz,
  p_to timestamptz,
  p_series text,
  p_organization text,
  p_quantiles double precision[]
)
returns table (
  series text,
  samples bigint,
  failures bigint,
  measured bigint,
  total double precision,
  greatest_value double precision,
  percentiles double precision[]
)
language sql
stable
as $$
with parts as materialized (
  select * from dbkit._metric_parts(p_event_type, p_from, p_to, p_series, p_organization)
),
counted as (
  select p.series, p.first_index + (u.i - 1)::int as x, sum(u.n) as n
  from parts p
  cross join lateral unnest(p.histogram) with ordinality as u (n, i)
  group by 1, 2
),
histograms as (
  select c.series, array_agg(c.x order by c.x) as indexes, array_agg(c.n::bigint order by c.x) as counts
  from counted c
  where c.n > 0
  group by c.series
),
sums as (
  select p.series, sum(p.samples)::bigint as samples, sum(p.failures)::bigint as failures,
    sum(p.measured)::bigint as measured, sum(p.zeros)::bigint as zeros, sum(p.total) as total,
    min(p.least_value) as least_value, max(p.greatest_value) as greatest_value
  from parts p
  group by p.series
)
select s.series, s.samples, s.failures, s.measured, s.total, s.greatest_value,
  dbkit._histogram_percentiles(s.zeros, h.indexes, h.counts, s.least_value, s.greatest_value, p_quantiles)
from sums s
left join histograms h using (series)
$$;
comment on function dbkit._metric_percentiles(text, timestamptz, timestamptz, text, text,
  double precision[]) is
  'Counts and percentiles of a type in [p_from, p_to); p_series: NULL for each, * for all as one, or one of
them.';
