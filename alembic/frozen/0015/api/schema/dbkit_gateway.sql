-- The login of a gateway's pool. It is a member of the roles that it switches to and inherits nothing from
-- them, so that outside a request it can do nothing but begin one. Roles are the cluster's, as in
-- core/schema/dbkit.sql: made and granted when missing, never altered, and left there by a downgrade.
-- super_admin is not among them: who wants to operate through HTTP grants it by hand.
do $$
declare
  v_role text;
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'dbkit_gateway') then
      create role dbkit_gateway nologin noinherit;
    end if;
  exception
    when duplicate_object or unique_violation then null;
  end;
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not pg_has_role('dbkit_gateway', v_role, 'member') then
      execute format('grant %I to dbkit_gateway', v_role)
        || case when current_setting('server_version_num')::int >= 160000
          then ' with inherit false, set true' else '' end;
    end if;
  end loop;
exception
  when insufficient_privilege then
    raise exception using
      errcode = 'insufficient_privilege',
      message = 'the role dbkit_gateway does not exist, or is no member of anon, authenticated and '
        'service_role, and may not be made so',
      hint = 'Let an administrator run: create role dbkit_gateway nologin noinherit; '
        'grant anon, authenticated, service_role to dbkit_gateway;';
end $$;
grant usage on schema dbkit to dbkit_gateway;
-- down
revoke usage on schema dbkit from dbkit_gateway;
