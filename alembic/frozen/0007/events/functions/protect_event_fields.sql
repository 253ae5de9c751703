create or replace function dbkit.protect_event_fields(
  p_event_type text,
  p_subject_path text[],
  p_fields jsonb
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('protecting fields of events');
  perform dbkit._lock_registry();
  perform dbkit._check_protected_fields(p_event_type, p_subject_path, p_fields);
  insert into dbkit.event_protected_fields as p (event_type, subject_path, fields, sealed_fields,
    registered_at, registered_by)
  values (p_event_type, p_subject_path, p_fields, p_fields, dbkit.clock(), dbkit.caller_role())
  on conflict (event_type) do update
  set subject_path = excluded.subject_path, fields = excluded.fields, retired_at = null,
    sealed_fields = (
      select jsonb_agg(distinct f) from jsonb_array_elements(p.sealed_fields || excluded.fields) f),
    registered_at = excluded.registered_at, registered_by = excluded.registered_by;
  perform dbkit._generate_event_functions();
end
$$;
comment on function dbkit.protect_event_fields(text, text[], jsonb) is
  'From the commit on, stores these fields of an event type encrypted with a key of the event''s subject,
so that forget_subject can make them unreadable: protect_event_fields(''CustomerRegistered'',
''{customer,id}'', ''[["customer", "name"], ["customer", "email"]]''). Readers get plain text as before.
Replaces what was registered for the type.
p_subject_path: where event_data names the subject, text or number. It is stored as it is and stays for
ever, so let it be a pseudonym such as a customer''s id, never an e-mail address. p_fields: 1 to 50
paths, each an array of keys; a field that an event lacks is left out. Events stored before stay as they
are, in plain text. Not encrypted: metadata, actor_id, aggregate_id, and the logs of a server that logs
statements.
Needs super_admin. Raises KD003, KD508.';
grant execute on function dbkit.protect_event_fields(text, text[], jsonb) to super_admin;
