-- Every append holds a lock on event_streams from before it draws a position to its commit, which this one
-- waits for; new appends wait behind it, and have the newest generated functions when they go on.
-- Hence the bound: an open transaction must not stop all appends, the caller tries again instead.
create or replace function dbkit._lock_appends()
returns boolean
language plpgsql
volatile
set lock_timeout = '2s'
as $$
begin
  lock table dbkit.event_streams in share row exclusive mode;
  return true;
exception
  when lock_not_available then
    return false;
end
$$;
comment on function dbkit._lock_appends() is
  'Keeps appends out until the commit: every event that was drawn is committed or gone. False when open
transactions that append did not end within 2 seconds.';
