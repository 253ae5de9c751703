create or replace function dbkit.get_best_api_version(p_app_version text)
returns text
language plpgsql
stable
as $$
declare
  v_key text := dbkit.semver_key(p_app_version);
begin
  return (
    select version
    from dbkit.api_versions
    where min_app_key <= v_key and (sunset_at is null or sunset_at > dbkit.clock())
    order by ordinal desc
    limit 1
  );
end
$$;
comment on function dbkit.get_best_api_version(text) is
  'The newest API version that an app version may use, whether or not it is the active one; NULL for none.
Raises KD002.';
grant execute on function dbkit.get_best_api_version(text)
to anon, authenticated, service_role, super_admin;
