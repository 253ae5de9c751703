-- Taken before anything of the registry is touched, so two registrations cannot both rewrite the
-- dispatcher (which fails with "tuple concurrently updated") nor deadlock on rows. Callers of the
-- API never wait for it. Under REPEATABLE READ a session would write the dispatcher from the registry as
-- it was before it waited, and so lose what others registered: hence READ COMMITTED only.
create or replace function dbkit._lock_registry()
returns void
language plpgsql
volatile
as $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    perform dbkit.raise_error('KD004', 'calls and versions are changed in READ COMMITTED transactions only',
      jsonb_build_object('argument', 'transaction_isolation',
        'value', current_setting('transaction_isolation')),
      'Begin the transaction with isolation level read committed.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('dbkit.api_registry', 0));
end
$$;
comment on function dbkit._lock_registry() is
  'Waits for the lock that every change of calls and versions takes first; held to the commit.
Raises KD004 in another isolation level than READ COMMITTED.';
