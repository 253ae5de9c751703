create or replace function dbkit.set_feature_flag(
  p_feature text,
  p_min_api_version text,
  p_enabled boolean default true,
  p_min_app_version text default null,
  p_app_names text[] default null,
  p_rollout_percentage numeric default 100,
  p_description text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('setting a feature flag');
  perform dbkit._require_version(p_min_api_version);
  if p_feature is null or p_feature !~ '^[a-z][a-z0-9_]{0,62}$' or p_enabled is null
    or p_rollout_percentage is null or not p_rollout_percentage between 0 and 100
  then
    perform dbkit.raise_error('KD004', 'a feature is named in snake case and rolled out to 0 to 100 percent',
      jsonb_build_object('feature', p_feature, 'rollout_percentage', p_rollout_percentage));
  end if;
  insert into dbkit.feature_flags (feature, description, enabled, min_api_version, min_app_version,
    app_names, rollout_percentage, updated_at)
  values (p_feature, coalesce(p_description, ''), p_enabled, p_min_api_version, p_min_app_version,
    p_app_names, p_rollout_percentage, dbkit.clock())
  on conflict (feature) do update
  set description = excluded.description, enabled = excluded.enabled,
    min_api_version = excluded.min_api_version, min_app_version = excluded.min_app_version,
    app_names = excluded.app_names, rollout_percentage = excluded.rollout_percentage,
    updated_at = excluded.updated_at;
end
$$;
comment on function dbkit.set_feature_flag(text, text, boolean, text, text[], numeric, text) is
  'Adds or replaces a feature flag. The share is in percent of consumers and sticky. Needs super_admin.
Raises KD002, KD003, KD004, KD102.';
grant execute on function dbkit.set_feature_flag(text, text, boolean, text, text[], numeric, text)
to super_admin;
