-- Digests of signatures are compared: how long that takes tells nothing about how much of a forged one was
-- right.
create or replace function dbkit._has_cursor_mac(p_cursor text, p_key bytea)
returns boolean
language plpgsql
immutable
as $$
declare
  v_mac text := dbkit._cursor_mac(p_key, substr(p_cursor, 66));
begin
  return sha256(convert_to(substr(p_cursor, 34, 32), 'UTF8')) = sha256(convert_to(
    case left(p_cursor, 1) when 'n' then left(v_mac, 32) when 'p' then right(v_mac, 32) end, 'UTF8')) is true;
end
$$;
comment on function dbkit._has_cursor_mac(text, bytea) is
  'Whether a cursor was signed with a key of 32 bytes.';
grant execute on function dbkit._has_cursor_mac(text, bytea)
to anon, authenticated, service_role, super_admin;
