create or replace function dbkit._unseal_event_data(
  p_organization_id text, p_event_type text, p_event_data jsonb
)
returns jsonb
language sql
stable
as $$
select p_event_data
$$;
comment on function dbkit._unseal_event_data(text, text, jsonb) is
  'Generated from event_protected_fields by _generate_event_functions: decrypts what is protected.';
grant execute on function dbkit._unseal_event_data(text, text, jsonb)
to authenticated, service_role, super_admin;
