create or replace function dbkit.unprotect_event_fields(p_event_type text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_found boolean;
begin
  perform dbkit.require_super_admin('ending the protection of fields of events');
  perform dbkit._lock_registry();
  update dbkit.event_protected_fields p
  set retired_at = dbkit.clock()
  where p.event_type = p_event_type and p.retired_at is null;
  v_found := found;
  perform dbkit._generate_event_functions();
  return v_found;
end
$$;
comment on function dbkit.unprotect_event_fields(text) is
  'Stores new events of the type in plain text again. What is encrypted stays so, can still be read, and
is still forgotten by forget_subject. Returns whether the type was protected. Needs super_admin (KD003).';
grant execute on function dbkit.unprotect_event_fields(text) to super_admin;
