-- Qualified because of the caller's search_path, see caller_role.
create or replace function dbkit.is_super_admin()
returns boolean
language plpgsql
stable
as $$
begin
  return pg_catalog.pg_has_role(dbkit.caller_role(), 'super_admin', 'usage');
end
$$;
comment on function dbkit.is_super_admin() is
  'Whether the calling role has the rights of super_admin. No setting and no claim can say so.';
grant execute on function dbkit.is_super_admin() to anon, authenticated, service_role, super_admin;
