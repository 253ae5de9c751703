create or replace function dbkit._first_metric_since(p_since timestamptz)
returns timestamptz
language sql
stable
as $$
select min(f.at)
from dbkit.metric_event_types t
cross join lateral (
  select m.created_at as at from dbkit.runtime_metrics m
  where m.event_type = t.event_type and m.created_at >= p_since
  order by m.created_at
  limit 1
) as f
$$;
comment on function dbkit._first_metric_since(timestamptz) is
  'Time of the first event from then on, by the index.';
