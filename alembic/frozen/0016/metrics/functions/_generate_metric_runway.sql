-- As a literal in the plan of record_metric, for which looking for today's partition costs 4 µs a call. It is
-- read under any DateStyle.
create or replace function dbkit._generate_metric_runway()
returns void
language plpgsql
volatile
set check_function_bodies = off
as $$
begin
  execute format(
    $text$
create or replace function dbkit._metric_runway()
returns timestamptz
language sql
immutable
as %L
    $text$, format('select %L::timestamptz', coalesce((
      select to_char(r.last_day + 1, 'YYYY-MM-DD 00:00:00+00')
      from dbkit._partition_runway() r
      where r.name = 'runtime_metrics'), '-infinity')));
  comment on function dbkit._metric_runway() is
    'Generated from the partitions of runtime_metrics by _generate_metric_runway: until when there are some.';
  revoke all on function dbkit._metric_runway() from public;
end
$$;
comment on function dbkit._generate_metric_runway() is
  'Writes the function dbkit._metric_runway. The caller holds the lock of _make_day_partitions.';
