-- Qualified because of the caller's search_path, see caller_role. It has one of its own because it is called
-- under several in turn: to prepare it anew each time costs ten times as much as a call.
create or replace function dbkit.caller_has_role(p_role text)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller text := dbkit.caller_role();
begin
  return pg_catalog.pg_has_role(v_caller, p_role, 'usage')
    or pg_catalog.pg_has_role(v_caller, 'service_role', 'usage')
    or pg_catalog.pg_has_role(v_caller, 'super_admin', 'usage');
exception
  when undefined_object then
    return false;
end
$$;
comment on function dbkit.caller_has_role(text) is
  'Whether the calling role has a role''s rights; service_role and super_admin have them all.';
grant execute on function dbkit.caller_has_role(text)
to anon, authenticated, service_role, super_admin;
