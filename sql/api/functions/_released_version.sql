-- Only asked while active_api_version.has_pins says that versions hang on the consumer.
create or replace function dbkit._released_version()
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  return (
    select version
    from dbkit.api_releases
    where status = 'running' and dbkit._release_bucket(version, dbkit._release_consumer()) < share
  );
end
$$;
comment on function dbkit._released_version() is
  'The version of the running guarded release, for a caller who is part of its share.';
grant execute on function dbkit._released_version() to anon, authenticated, service_role, super_admin;
