create or replace function dbkit.rpc_v1_check_compatibility(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return dbkit._compatibility(p_payload) - array['best_version', 'current_version'];
end
$$;
comment on function dbkit.rpc_v1_check_compatibility(jsonb) is
  'Handler: whether the app may go on. Payload: {app_version?}, else the context''s.';
grant execute on function dbkit.rpc_v1_check_compatibility(jsonb)
to anon, authenticated, service_role, super_admin;
