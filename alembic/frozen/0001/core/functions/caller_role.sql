-- Inside SECURITY DEFINER current_user is the owner and session_user the pool's login; only the
-- setting `role` still tells what the caller had switched to.
create or replace function dbkit.caller_role()
returns text
language plpgsql
stable
as $$
begin
  return case current_setting('role') when 'none' then session_user
    else current_setting('role') end;
end
$$;
comment on function dbkit.caller_role() is
  'The database role that calls, also seen from inside SECURITY DEFINER.';
grant execute on function dbkit.caller_role() to anon, authenticated, service_role, super_admin;
