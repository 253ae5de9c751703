create or replace function dbkit._upcast_event_data(
  p_event_type text,
  p_schema_version int,
  p_event_data jsonb
)
returns jsonb
language plpgsql
stable
as $$
begin
  return p_event_data;
end
$$;
comment on function dbkit._upcast_event_data(text, int, jsonb) is
  'Generated from event_upcasters by _generate_event_functions: runs the chain of the event''s type.';
grant execute on function dbkit._upcast_event_data(text, int, jsonb)
to authenticated, service_role, super_admin;
