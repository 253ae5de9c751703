create or replace function dbkit._raise_invalid_event_data(
  p_event_type text,
  p_schema_version int,
  p_event_data jsonb
)
returns void
language plpgsql
stable
as $$
declare
  v_type dbkit.event_types;
  v_errors jsonb;
begin
  select * into v_type
  from dbkit.event_types t
  where t.event_type = p_event_type and t.schema_version = p_schema_version;
  if not found then
    perform dbkit.raise_error('KD505',
      format('the event type %s has no schema version %s', p_event_type, p_schema_version),
      jsonb_build_object('event_type', p_event_type, 'schema_version', p_schema_version, 'field', 'schema_version',
        'registered', (select jsonb_agg(t.schema_version order by t.schema_version)
          from dbkit.event_types t where t.event_type = p_event_type)),
      'register_event_type adds one; get_event_types lists them.');
  end if;
  select jsonb_agg(to_jsonb(e) order by e.path)
  into v_errors
  from (select * from dbkit.validate_json(v_type.json_schema, p_event_data) limit 20) as e;
  perform dbkit.raise_error('KD505',
    format('%s (schema version %s): "%s" %s', p_event_type, p_schema_version,
      coalesce(nullif(ltrim(v_errors #>> '{0,path}', '/'), ''), 'event_data'), v_errors #>> '{0,message}'),
    jsonb_build_object('event_type', p_event_type, 'schema_version', p_schema_version,
      'field', ltrim(v_errors #>> '{0,path}', '/'), 'errors', v_errors),
    format('The schema: select json_schema from dbkit.event_types where event_type = %L and schema_version = %s;',
      p_event_type, p_schema_version));
end
$$;
comment on function dbkit._raise_invalid_event_data(text, int, jsonb) is
  'Raises KD505 with each field (JSON Pointer) that breaks the schema of the event''s type, 20 at most, or
because the type has no such schema version.';
