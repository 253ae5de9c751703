create or replace function dbkit._check_event_data(
  p_event_type text,
  p_schema_version int,
  p_event_data jsonb
)
returns int
language plpgsql
stable
as $$
begin
  return coalesce(p_schema_version, 1);
end
$$;
comment on function dbkit._check_event_data(text, int, jsonb) is
  'Generated from event_types and event_upcasters by _generate_event_functions: checks an event of a
registered type, raising KD505, and says its schema version.';
