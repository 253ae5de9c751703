create or replace function dbkit._current_event_data(
  p_organization_id text,
  p_event_type text,
  p_schema_version int,
  p_event_data jsonb
)
returns jsonb
language sql
stable
as $$
select p_event_data
$$;
comment on function dbkit._current_event_data(text, text, int, jsonb) is
  'Generated from event_upcasters and event_protected_fields by _generate_event_functions: event_data as it
reads today.';
grant execute on function dbkit._current_event_data(text, text, int, jsonb)
to authenticated, service_role, super_admin;
