create or replace function dbkit.unregister_upcaster(p_event_type text, p_from_version int)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering an upcaster');
  perform dbkit._lock_registry();
  delete from dbkit.event_upcasters u
  where u.event_type = p_event_type and u.from_version = p_from_version;
  if not found then
    return false;
  end if;
  perform dbkit._generate_event_functions();
  return true;
end
$$;
comment on function dbkit.unregister_upcaster(text, int) is
  'Takes the upcaster of an event type from a version out of its chain; whether it was there. Events of that
version then read as they were stored. Needs super_admin (KD003).';
grant execute on function dbkit.unregister_upcaster(text, int) to super_admin;
