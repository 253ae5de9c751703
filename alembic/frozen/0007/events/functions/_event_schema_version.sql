create or replace function dbkit._event_schema_version(
  p_event_type text, p_schema_version int, p_event_data jsonb
)
returns int
language sql
stable
as $$
select coalesce(p_schema_version, 1)
$$;
comment on function dbkit._event_schema_version(text, int, jsonb) is
  'Generated from event_types by _generate_event_functions: checks an event and says its schema version.';
