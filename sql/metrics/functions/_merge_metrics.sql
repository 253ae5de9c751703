-- Hours from minutes, days from hours: counts and histograms are added up, so it is the same as from the
-- events.
create or replace function dbkit._merge_metrics(
  p_level int,
  p_from_level int,
  p_bucket timestamptz
)
returns void
language sql
volatile
as $$
insert into dbkit.metric_rollups as r (level, event_type, bucket, series, organization_id, samples, failures, measured,
  zeros, total, least_value, greatest_value, first_index, histogram)
with parts as materialized (
  select * from dbkit.metric_rollups r
  where r.level = p_from_level and r.event_type in (select t.event_type from dbkit.metric_event_types t)
    and r.bucket >= p_bucket and r.bucket < p_bucket + p_level * interval '1 second'
),
counted as (
  select p.event_type, p.series, p.organization_id, p.first_index + (u.i - 1)::int as x, sum(u.n) as n
  from parts p
  cross join lateral unnest(p.histogram) with ordinality as u (n, i)
  group by 1, 2, 3, 4
),
packed as (
  select c.event_type, c.series, c.organization_id, min(c.x) as first_index,
    dbkit._pack_histogram(array_agg(c.x), array_agg(c.n::bigint)) as histogram
  from counted c
  group by 1, 2, 3
)
select p_level, p.event_type, p_bucket, p.series, p.organization_id, sum(p.samples), sum(p.failures), sum(p.measured),
  sum(p.zeros), sum(p.total), min(p.least_value), max(p.greatest_value), min(h.first_index),
  coalesce(min(h.histogram), '{}')
from parts p
left join packed h using (event_type, series, organization_id)
group by p.event_type, p.series, p.organization_id
on conflict (level, event_type, bucket, series, organization_id) do update
set samples = excluded.samples, failures = excluded.failures, measured = excluded.measured, zeros = excluded.zeros,
  total = excluded.total, least_value = excluded.least_value, greatest_value = excluded.greatest_value,
  first_index = excluded.first_index, histogram = excluded.histogram
$$;
comment on function dbkit._merge_metrics(int, int, timestamptz) is
  'Makes the roll-ups of one bucket from those of the next lower level.';
