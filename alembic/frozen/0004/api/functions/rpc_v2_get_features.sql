create or replace function dbkit.rpc_v2_get_features(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return jsonb_build_object('features', coalesce((
    select jsonb_object_agg(f ->> 'feature', f -> 'enabled')
    from jsonb_array_elements(dbkit._features_for('v2', p_payload ->> 'app_version')) as f), '{}'));
end
$$;
comment on function dbkit.rpc_v2_get_features(jsonb) is
  'Handler: each feature and whether this client has it. Payload: {app_version?}, else the context''s.';
grant execute on function dbkit.rpc_v2_get_features(jsonb)
to anon, authenticated, service_role, super_admin;
