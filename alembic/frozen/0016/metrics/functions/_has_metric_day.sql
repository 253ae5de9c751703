create or replace function dbkit._has_metric_day(p_at timestamptz)
returns boolean
language sql
stable
as $$
select to_regclass('dbkit.runtime_metrics_' || to_char(p_at at time zone 'UTC', 'YYYYMMDD')) is not null
$$;
comment on function dbkit._has_metric_day(timestamptz) is
  'Whether runtime_metrics has a partition for the day (UTC) of a finite time, as one expression.';
