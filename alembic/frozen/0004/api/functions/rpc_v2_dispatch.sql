create or replace function dbkit.rpc_v2_dispatch(p_name text, p_payload jsonb default '{}')
returns jsonb
language plpgsql
volatile
as $$
begin
  return dbkit.route_api_call(p_name, p_payload, 'v2') -> 'data';
end
$$;
comment on function dbkit.rpc_v2_dispatch(text, jsonb) is
  'What route_api_call answers for v2, without the meta object. Raises the same errors.';
grant execute on function dbkit.rpc_v2_dispatch(text, jsonb)
to anon, authenticated, service_role, super_admin;
