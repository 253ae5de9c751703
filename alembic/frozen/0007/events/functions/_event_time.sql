create or replace function dbkit._event_time()
returns timestamptz
language sql
volatile
as $$
select case when coalesce(current_setting('dbkit.clock', true), '') = '' then clock_timestamp()
  else dbkit.clock() end
$$;
comment on function dbkit._event_time() is
  'The clock as one expression, which becomes part of the statement that appends.';
