create or replace function dbkit.rpc_v2_check_compatibility(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return dbkit._compatibility(p_payload) || jsonb_build_object('features', coalesce((
    select jsonb_agg(f -> 'feature')
    from jsonb_array_elements(dbkit._features_for('v2', p_payload ->> 'app_version')) as f
    where (f -> 'enabled')::boolean), '[]'));
end
$$;
comment on function dbkit.rpc_v2_check_compatibility(jsonb) is
  'Handler: as v1, with the API versions and the features that the app has. Payload: {app_version?}.';
grant execute on function dbkit.rpc_v2_check_compatibility(jsonb)
to anon, authenticated, service_role, super_admin;
