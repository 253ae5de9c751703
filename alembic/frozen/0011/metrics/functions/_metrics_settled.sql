-- See _guard_metrics. Read before the events are: a statement after this one sees what it vouches for.
create or replace function dbkit._metrics_settled()
returns timestamptz
language plpgsql
volatile
as $$
begin
  return least(clock_timestamp(), to_timestamp(10.0 * (
    select min(l.objid::bigint)
    from pg_locks l
    where l.locktype = 'advisory' and l.classid = 7010 and l.objsubid = 2
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
  ))) - interval '10 seconds';
end
$$;
comment on function dbkit._metrics_settled() is
  'Until when events without a mark are all committed and visible to the next statement.';
