create or replace function dbkit._features_for(p_api_version text, p_app_version text)
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select coalesce(jsonb_agg(
      dbkit.evaluate_feature(f.feature, p_api_version, p_app_version) - 'error_code'
      || jsonb_build_object('description', f.description) order by f.feature), '[]')
    from dbkit.feature_flags f
  );
end
$$;
comment on function dbkit._features_for(text, text) is
  'Every feature flag evaluated for one client, in order of name.';
grant execute on function dbkit._features_for(text, text)
to anon, authenticated, service_role, super_admin;
