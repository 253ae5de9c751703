-- A signature is checked before anything is decoded, over the text as it came: so nothing but what was
-- written here is ever parsed, and no two texts mean the same.
create or replace function dbkit._open_cursor(
  p_key bytea,
  p_cursor text,
  p_binding text,
  p_version text default null
)
returns text[]
language plpgsql
stable
as $$
declare
  v_edges text[];
begin
  if length(p_cursor) > 32768 or substr(p_cursor, 2, 32) <> encode(substr(p_key, 1, 16), 'hex')
    or not dbkit._has_cursor_mac(p_cursor, substr(p_key, 17))
    and not dbkit._has_cursor_mac(p_cursor, substr(dbkit._cursor_key(p_binding, p_version, p_before => true), 17))
  then
    return null;
  end if;
  v_edges := convert_from(decode(replace(replace(substr(p_cursor, 66), '-', '+'), '_', '/')
    || repeat('=', 1 - length(p_cursor) & 3), 'base64'), 'UTF8')::text[];
  return case left(p_cursor, 1) when 'n' then v_edges[cardinality(v_edges) / 2 + 1:]
    else v_edges[:cardinality(v_edges) / 2] end;
end
$$;
comment on function dbkit._open_cursor(bytea, text, text, text) is
  'The edge behind which (a cursor of n) or before which (one of p) a page lies: the values of a row, {} for
the very start or end. p_key: what _cursor_key gave for the binding and version.
NULL for one that was not signed for this caller, binding and version: _cursor_problem tells why.';
grant execute on function dbkit._open_cursor(bytea, text, text, text)
to anon, authenticated, service_role, super_admin;
