create or replace function dbkit.app_version_key()
returns text
language plpgsql
stable
as $$
begin
  return coalesce(
    nullif(current_setting('dbkit.app_version_key', true), ''),
    dbkit.semver_key(dbkit.context_value('app_version')));
end
$$;
comment on function dbkit.app_version_key() is
  'Sort key (see semver_key) of the calling app''s version; NULL when the client does not say.';
grant execute on function dbkit.app_version_key() to anon, authenticated, service_role, super_admin;
