create or replace function dbkit._generate_event_functions()
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._generate_event_checks(), dbkit._generate_event_sealing(), dbkit._generate_upcasting(),
    dbkit._generate_fold(), dbkit._generate_after_append(),
    dbkit._generate_event_layout(), dbkit._generate_event_access();
end
$$;
comment on function dbkit._generate_event_functions() is
  'Writes the generated functions of the event store from what is registered. The caller holds the lock
of _lock_registry.';
