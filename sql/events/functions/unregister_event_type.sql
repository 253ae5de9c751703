create or replace function dbkit.unregister_event_type(p_event_type text, p_schema_version int)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering an event type');
  perform dbkit._lock_registry();
  delete from dbkit.event_types t
  where t.event_type = p_event_type and t.schema_version = p_schema_version;
  if not found then
    return false;
  end if;
  perform dbkit._generate_event_functions();
  return true;
end
$$;
comment on function dbkit.unregister_event_type(text, int) is
  'Takes the JSON Schema of an event type at a schema version away; whether it was there. Events stay, and
a type without any schema takes any object. Needs super_admin (KD003).';
grant execute on function dbkit.unregister_event_type(text, int) to super_admin;
