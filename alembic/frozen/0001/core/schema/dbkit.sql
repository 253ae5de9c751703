-- Roles are the cluster's: made when missing, never altered, and left there by a downgrade.
-- Two databases may be migrated at once, so another session may make a role first.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role', 'super_admin'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin', v_role);
      exception
        when duplicate_object or unique_violation then null;
        when insufficient_privilege then
          raise exception using
            errcode = 'insufficient_privilege',
            message = format('the role %s does not exist and may not be created', v_role),
            hint = 'Let an administrator run: create role anon nologin; create role authenticated '
              'nologin; create role service_role nologin; create role super_admin nologin;';
      end;
    end if;
  end loop;
end $$;

-- Alembic's own table may have needed the schema before this revision ran.
do $$ begin
  if to_regnamespace('dbkit') is null then
    create schema dbkit;
  end if;
end $$;
comment on schema dbkit is
  'A backend inside Postgres: versioned calls, events, operations, regions.';
grant usage on schema dbkit to anon, authenticated, service_role, super_admin;
-- down
-- The schema itself goes last, with Alembic's table (dbkit.migrations): other roles' rights on it
-- go now, so that dropping it needs nothing more.
revoke usage on schema dbkit from anon, authenticated, service_role, super_admin;
