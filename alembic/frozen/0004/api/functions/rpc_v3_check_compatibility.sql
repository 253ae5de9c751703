create or replace function dbkit.rpc_v3_check_compatibility(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_answer jsonb := dbkit._compatibility(p_payload);
  v_features jsonb := dbkit._features_for('v3', p_payload ->> 'app_version');
  v_newest dbkit.api_versions;
begin
  select * into v_newest
  from dbkit.api_versions
  where sunset_at is null or sunset_at > dbkit.clock()
  order by ordinal desc
  limit 1;
  return v_answer || (
    select jsonb_build_object(
      'features', coalesce(jsonb_agg(f -> 'feature') filter (where (f -> 'enabled')::boolean), '[]'),
      'feature_count', count(*) filter (where (f -> 'enabled')::boolean),
      'total_feature_count', count(*),
      'upgrade_hint', case when v_newest.version is distinct from v_answer ->> 'best_version'
        then format('update the app to %s to use %s', v_newest.min_app_version, v_newest.version) end)
    from jsonb_array_elements(v_features) as f);
end
$$;
comment on function dbkit.rpc_v3_check_compatibility(jsonb) is
  'Handler: as v2, with feature counts and what an update of the app would bring. Payload: {app_version?}.';
grant execute on function dbkit.rpc_v3_check_compatibility(jsonb)
to anon, authenticated, service_role, super_admin;
