-- SECURITY INVOKER on purpose: who runs it decides what it opens. Definer code of dbkit runs it as the owner.
create or replace function dbkit._unseal_fields(p_organization_id text, p_event_type text, p_event_data jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  if has_function_privilege('dbkit._open_fields(text, text, jsonb)', 'execute') then
    return dbkit._open_fields(p_organization_id, p_event_type, p_event_data);
  elsif p_organization_id = dbkit.current_organization() then
    return dbkit._open_own_fields(p_event_type, p_event_data);
  end if;
  return p_event_data;
end
$$;
comment on function dbkit._unseal_fields(text, text, jsonb) is
  'event_data with its protected fields in plain text: of any organization for service_role, super_admin and
dbkit''s own code, of their own for others; else as it is stored.';
grant execute on function dbkit._unseal_fields(text, text, jsonb) to authenticated, service_role, super_admin;
