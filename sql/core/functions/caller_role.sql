-- Inside SECURITY DEFINER current_user is the owner and session_user the pool's login; only the
-- setting `role` still tells what the caller had switched to. Everything is qualified, and no operator
-- is used: a caller who owns a schema could otherwise put a function of the same name in front.
-- SQL, so that it becomes part of the caller's expression: what PL/pgSQL prepared under one search_path it
-- prepares anew under another, and this is called under those of definers and of callers in turn.
create or replace function dbkit.caller_role()
returns text
language sql
stable
as $$
select case when pg_catalog.texteq(pg_catalog.current_setting('role'), 'none') then session_user::text
  else pg_catalog.current_setting('role') end
$$;
comment on function dbkit.caller_role() is
  'The database role that calls, also seen from inside SECURITY DEFINER.';
grant execute on function dbkit.caller_role() to anon, authenticated, service_role, super_admin;
