create or replace function dbkit.can_use_api_version(p_app_version text, p_version text)
returns boolean
language plpgsql
stable
as $$
declare
  v_key text := dbkit.semver_key(p_app_version);
begin
  perform dbkit._require_version(p_version);
  return exists (
    select
    from dbkit.api_versions
    where version = p_version
      and min_app_key <= v_key
      and (sunset_at is null or sunset_at > dbkit.clock())
  );
end
$$;
comment on function dbkit.can_use_api_version(text, text) is
  'Whether an app version meets an API version''s minimum and that version is not sunset. A pre-release is
older than its release: 1.4.0-rc.1 does not meet 1.4.0. Raises KD002, KD102.';
grant execute on function dbkit.can_use_api_version(text, text)
to anon, authenticated, service_role, super_admin;
