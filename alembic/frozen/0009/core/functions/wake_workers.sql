-- Nothing in the house calls it where events are appended: a NOTIFY takes a lock of the whole server at
-- COMMIT, which costs more than the append. Workers find everything by polling; this saves them the wait.
create or replace function dbkit.wake_workers()
returns void
language plpgsql
volatile
as $$
begin
  perform pg_notify('dbkit_worker', '');
end
$$;
comment on function dbkit.wake_workers() is
  'Lets listening workers look for work when this transaction commits, not at their next poll.
For rare and urgent things: it makes all commits that do so wait for each other.';
grant execute on function dbkit.wake_workers() to service_role, super_admin;
