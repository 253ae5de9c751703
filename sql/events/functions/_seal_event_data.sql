create or replace function dbkit._seal_event_data(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_event_data jsonb
)
returns jsonb
language sql
volatile
as $$
select p_event_data
$$;
comment on function dbkit._seal_event_data(text, text, text, text, jsonb) is
  'Generated from event_protected_fields by _generate_event_functions: encrypts what is protected.';
