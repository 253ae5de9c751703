-- One place where time comes from. STABLE, although it reads the wall clock: a statement sees one
-- time, and indexes can be used. Only a super admin's own session may set another time.
create or replace function dbkit.clock()
returns timestamptz
language plpgsql
stable
as $$
begin
  if coalesce(current_setting('dbkit.clock', true), '') <> ''
    and pg_catalog.pg_has_role(session_user, 'super_admin', 'usage')
  then
    return current_setting('dbkit.clock')::timestamptz;
  end if;
  return clock_timestamp();
end
$$;
comment on function dbkit.clock() is
  'The time now. A super admin''s session can set it for a test: set dbkit.clock = ''2026-01-01Z''.';
grant execute on function dbkit.clock() to anon, authenticated, service_role, super_admin;
