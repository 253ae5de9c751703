-- Read from the function's row, not by calling it: a query sees what is committed (or its own), while the
-- function that a session calls may be of a moment before.
create or replace function dbkit._routes_revision()
returns bigint
language plpgsql
stable
as $$
begin
  return coalesce((
    select substring(prosrc from '^/\* (\d+) ')::bigint
    from pg_catalog.pg_proc
    where oid = to_regprocedure('dbkit._fast_route(text)')), 0);
end
$$;
comment on function dbkit._routes_revision() is
  'Goes up by one each time that _generate_fast_route writes the routes; 0 before the first time.';
grant execute on function dbkit._routes_revision() to anon, authenticated, service_role, super_admin;
