create or replace function dbkit.register_event_type(
  p_event_type text,
  p_json_schema jsonb,
  p_schema_version int default 1,
  p_description text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_problem text;
begin
  perform dbkit.require_super_admin('registering an event type');
  perform dbkit._lock_registry();
  begin
    perform dbkit._check_json_schema(p_json_schema);
  exception when sqlstate 'KD108' then
    v_problem := sqlerrm;
  end;
  v_problem := case
    when length(p_event_type) between 1 and 100 is not true then 'its name must have 1 to 100 characters'
    when p_schema_version between 1 and 10000 is not true then 'a schema version is 1 to 10000'
    else v_problem end;
  if v_problem is not null then
    perform dbkit.raise_error('KD508', format('the event type %s cannot be registered: %s', p_event_type, v_problem),
      jsonb_build_object('event_type', p_event_type, 'schema_version', p_schema_version),
      'The comment of dbkit.validate_json lists the keywords of JSON Schema that are understood.');
  end if;
  insert into dbkit.event_types (event_type, schema_version, json_schema, description, registered_at, registered_by)
  values (p_event_type, p_schema_version, p_json_schema, coalesce(p_description, ''), dbkit.clock(),
    dbkit.caller_role())
  on conflict (event_type, schema_version) do update
  set json_schema = excluded.json_schema, description = excluded.description,
    registered_at = excluded.registered_at, registered_by = excluded.registered_by;
  perform dbkit._generate_event_functions();
end
$$;
comment on function dbkit.register_event_type(text, jsonb, int, text) is
  'Registers the JSON Schema (see validate_json) of an event type''s data at a schema version, or replaces
it. From the commit on an append of that type and version that breaks it raises KD505; what is stored
stays. An append that names no version counts as the newest: the highest of the type''s schemas and
upcaster targets. A type without any schema takes any object. Needs super_admin. Raises KD003, KD508.';
grant execute on function dbkit.register_event_type(text, jsonb, int, text) to super_admin;
