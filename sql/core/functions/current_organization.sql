-- A search_path of its own, see context_value.
create or replace function dbkit.current_organization()
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(dbkit.context_value('organization_id'), 'default');
end
$$;
comment on function dbkit.current_organization() is
  'organization_id of the request context, or ''default'', which is all that an installation for one
organization needs. In a policy write (select dbkit.current_organization()), so that it runs once.';
grant execute on function dbkit.current_organization()
to anon, authenticated, service_role, super_admin;
