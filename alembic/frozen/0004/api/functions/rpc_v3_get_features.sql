create or replace function dbkit.rpc_v3_get_features(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return jsonb_build_object('features',
    dbkit._features_for('v3', p_payload ->> 'app_version'));
end
$$;
comment on function dbkit.rpc_v3_get_features(jsonb) is
  'Handler: each feature with enabled, reason and rollout share. Payload: {app_version?}.';
grant execute on function dbkit.rpc_v3_get_features(jsonb)
to anon, authenticated, service_role, super_admin;
