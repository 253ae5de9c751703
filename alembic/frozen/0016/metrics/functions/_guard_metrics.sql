-- How the roll-up learns of events that are not committed yet: whoever writes holds a shared lock whose key
-- is when it began (in steps of 10 s, so that a long transaction holds few), and rollup_metrics goes no
-- further than 10 s before the lowest key that is held. So what is younger than 10 s by a clock read after
-- locking will be seen by it; what is older needs its minute marked. The wall clock on purpose: a test's
-- clock must not lose events.
-- A missing day is made on the spot, so that recording goes on where maintenance was forgotten.
create or replace function dbkit._guard_metrics()
returns timestamptz
language plpgsql
volatile
as $$
begin
  if clock_timestamp() >= dbkit._metric_runway() or not dbkit._has_metric_day(dbkit.clock()) then
    perform dbkit._make_metric_days(1);
  end if;
  perform pg_advisory_xact_lock_shared(7010, floor(date_part('epoch', clock_timestamp()) / 10)::int);
  return clock_timestamp() - interval '10 seconds';
end
$$;
comment on function dbkit._guard_metrics() is
  'To be called before writing to runtime_metrics, by functions of the owner. Events older than the result
need their minute marked dirty.';
