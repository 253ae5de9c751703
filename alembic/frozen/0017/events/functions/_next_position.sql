-- The mark: a shared lock on a number not above the position that is drawn after it. A reader takes
-- the newest position first, then the lowest mark, and reads below both; so it never passes an event
-- whose transaction is still open (safe_position; docs/adr/0008). One mark covers all that its
-- transaction draws later, so a transaction holds one lock however much it appends. The setting that
-- remembers it goes with a savepoint as the lock does. One expression, so that it becomes part of the
-- statement that inserts, and short, because that is made ready at each append (docs/adr/0009); CASE
-- takes the lock before it draws.
create or replace function dbkit._next_position()
returns bigint
language sql
volatile
as $$
select case when case when coalesce(current_setting('dbkit.event_mark', true), '') = ''
    then pg_advisory_xact_lock_shared(set_config('dbkit.event_mark', (4918493743042002945
      + coalesce(pg_sequence_last_value('dbkit.event_position_seq'), 0))::text, true)::bigint) is not null
    else dbkit._retake_mark() end
  then nextval('dbkit.event_position_seq') end
$$;
comment on function dbkit._next_position() is
  'Draws the next position, after taking the mark that keeps readers below it until the commit. A mark is
17474 * 2^48 (4918493743042002944) + the position.';
