create or replace function dbkit.register_upcaster(
  p_event_type text,
  p_from_version int,
  p_to_version int,
  p_upcaster text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_signature text;
begin
  perform dbkit.require_super_admin('registering an upcaster');
  perform dbkit._lock_registry();
  if (length(p_event_type) between 1 and 100 and p_from_version between 1 and 10000
    and p_to_version between 1 and 10000 and p_from_version < p_to_version) is not true
  then
    perform dbkit.raise_error('KD508', format('an upcaster of %s from version %s to %s cannot be registered: it '
        'leads from a version (1 to 10000) to a higher one', p_event_type, p_from_version, p_to_version),
      jsonb_build_object('event_type', p_event_type, 'from_version', p_from_version, 'to_version', p_to_version),
      'Stored events never change; an upcaster brings old event_data to a later version when it is read.');
  end if;
  v_signature := dbkit._check_event_function(format('upcaster of %s', p_event_type), p_upcaster, '(jsonb)',
    array[current_user::text, 'authenticated', 'service_role', 'super_admin'], false);
  insert into dbkit.event_upcasters (event_type, from_version, to_version, upcaster_signature, registered_at,
    registered_by)
  values (p_event_type, p_from_version, p_to_version, v_signature, dbkit.clock(), dbkit.caller_role())
  on conflict (event_type, from_version) do update
  set to_version = excluded.to_version, upcaster_signature = excluded.upcaster_signature,
    registered_at = excluded.registered_at, registered_by = excluded.registered_by;
  perform dbkit._generate_event_functions();
end
$$;
comment on function dbkit.register_upcaster(text, int, int, text) is
  'Registers schema.function(jsonb) returning jsonb, IMMUTABLE or STABLE, which brings event_data of a type
from one schema version to a higher one; it replaces the type''s upcaster from that version. Every read
runs it, and what comes after it: 1 to 2, 2 to 3. Stored events never change. An append without a version
counts as the newest, so register it when writers know the new form. It runs with the rights of whoever
reads, and so must be executable by authenticated, service_role, super_admin and dbkit''s owner; qualify
the names in it.
Needs super_admin. Raises KD003, KD508.';
grant execute on function dbkit.register_upcaster(text, int, int, text) to super_admin;
