create or replace function dbkit._roll_metrics(p_level int, p_from timestamptz, p_to timestamptz)
returns void
language sql
volatile
as $$
insert into dbkit.metric_rollups as r
select a.*
from dbkit.metric_event_types t
cross join lateral dbkit._aggregate_metrics(p_level, t.event_type, p_from, p_to) as a
on conflict (level, event_type, bucket, series, organization_id) do update
set samples = excluded.samples, failures = excluded.failures, measured = excluded.measured, zeros = excluded.zeros,
  total = excluded.total, least_value = excluded.least_value, greatest_value = excluded.greatest_value,
  first_index = excluded.first_index, histogram = excluded.histogram
$$;
comment on function dbkit._roll_metrics(int, timestamptz, timestamptz) is
  'Makes roll-ups from the events of [p_from, p_to), which has to begin with a bucket.';
