create or replace function dbkit._cursor_problem(p_cursor text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  if length(p_cursor) <= 32768 and p_cursor ~ '^[np][0-9a-f]{64}' and exists (
    select
    from dbkit.api_cursor_keys k
    where dbkit._has_cursor_mac(p_cursor, sha256(k.outer_block
      || sha256(k.inner_block || decode(substr(p_cursor, 2, 32), 'hex')))))
  then
    return 'other_list';
  end if;
  return 'malformed';
end
$$;
comment on function dbkit._cursor_problem(text) is
  'Why a cursor was refused: other_list when it is good for another caller, list, version, sort or filter,
malformed when it was not signed here, or was changed, or its key is gone.';
grant execute on function dbkit._cursor_problem(text) to anon, authenticated, service_role, super_admin;
