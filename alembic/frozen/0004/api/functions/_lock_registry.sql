-- Taken before anything of the registry is touched, so two registrations cannot both rewrite the
-- dispatcher (which fails with "tuple concurrently updated") nor deadlock on rows. Callers of the
-- API never wait for it.
create or replace function dbkit._lock_registry()
returns void
language plpgsql
volatile
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('dbkit.api_registry', 0));
end
$$;
comment on function dbkit._lock_registry() is
  'Waits for the lock that every change of calls and versions takes first; held to the commit.';
