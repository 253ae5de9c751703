-- Functions that the migrating role makes later start without EXECUTE for PUBLIC. Only this
-- global form works: a per-schema default can add rights to the built-in ones, never take away.
-- What stood before is noted, so that `downgrade base` puts back just what was changed here.
do $$
declare
  v_search_path text;
begin
  insert into dbkit.installation
  select 'default_privileges_changed', not exists (
    select
    from pg_catalog.pg_default_acl
    where defaclrole = (select oid from pg_catalog.pg_roles where rolname = current_user)
      and defaclnamespace = 0
      and defaclobjtype = 'f'
  );
  alter default privileges revoke execute on functions from public;

  select setting.value
  into v_search_path
  from pg_catalog.pg_db_role_setting s
  cross join unnest(s.setconfig) as entry
  cross join lateral (select substr(entry, length('search_path=') + 1) as value) as setting
  where s.setdatabase = (select oid from pg_catalog.pg_database where datname = current_database())
    and s.setrole = 0
    and entry like 'search\_path=%';
  if v_search_path is null
    and current_setting('dbkit.migration_search_path', true) is distinct from 'leave'
    and pg_has_role(
      (select datdba from pg_catalog.pg_database where datname = current_database()), 'usage')
  then
    execute format(
      'alter database %I set search_path = "$user", public, dbkit', current_database());
    insert into dbkit.installation values ('search_path_changed', true);
  end if;
end $$;
-- down
do $$
begin
  if exists (
    select from dbkit.installation where fact = 'search_path_changed' and value
  ) then
    execute format('alter database %I reset search_path', current_database());
  end if;
  if exists (
    select from dbkit.installation where fact = 'default_privileges_changed' and value
  ) then
    alter default privileges grant execute on functions to public;
  end if;
end $$;
