create or replace function dbkit.is_feature_available(p_feature text, p_version text)
returns boolean
language plpgsql
stable
as $$
begin
  perform dbkit._require_version(p_version);
  return exists (
    select
    from dbkit.feature_flags f
    join dbkit.api_versions since on since.version = f.min_api_version
    join dbkit.api_versions asked on asked.version = p_version
    where f.feature = p_feature and f.enabled and asked.ordinal >= since.ordinal
  );
end
$$;
comment on function dbkit.is_feature_available(text, text) is
  'Whether an API version has a feature at all; false for an unknown feature. For one client, with app
version and rollout, see evaluate_feature. Raises KD102.';
grant execute on function dbkit.is_feature_available(text, text)
to anon, authenticated, service_role, super_admin;
