create or replace function dbkit._register_rpc(
  p_name text,
  p_version text,
  p_handler text,
  p_access text,
  p_required_role text default null,
  p_request_schema jsonb default '{"type": "object"}',
  p_response_schema jsonb default null,
  p_compatible_with text[] default '{}',
  p_description text default ''
)
returns int
language plpgsql
volatile
as $$
declare
  v_signature text;
  v_rpc_id int;
begin
  perform dbkit._lock_registry();
  v_signature := dbkit._check_registration(p_name, p_version, p_handler, p_access, p_required_role,
    p_compatible_with);
  perform dbkit._check_json_schema(p_request_schema);
  if p_response_schema is not null then
    perform dbkit._check_json_schema(p_response_schema);
  end if;
  insert into dbkit.api_rpcs (name, version, handler_signature, access, required_role, request_schema,
    response_schema, compatible_with, description, registered_at, registered_by)
  values (p_name, p_version, v_signature, p_access, p_required_role,
    p_request_schema, p_response_schema, coalesce(p_compatible_with, '{}'),
    coalesce(p_description, ''), dbkit.clock(), dbkit.caller_role())
  on conflict (name, version) do update
  set handler_signature = excluded.handler_signature, access = excluded.access,
    required_role = excluded.required_role, request_schema = excluded.request_schema,
    response_schema = excluded.response_schema, compatible_with = excluded.compatible_with,
    description = excluded.description, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by
  returning rpc_id into v_rpc_id;
  perform dbkit._refresh_api_routes(p_name);
  perform dbkit._generate_dispatcher();
  return v_rpc_id;
end
$$;
comment on function dbkit._register_rpc(
  text, text, text, text, text, jsonb, jsonb, text[], text) is
  'What register_rpc does after it checked the caller; migrations call it for the shipped calls.';
