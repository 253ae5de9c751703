-- One body and one signature for both ways: each way shows its own half of the signature.
create or replace function dbkit._seal_cursors(p_key bytea, p_edges text[])
returns text[]
language plpgsql
immutable
as $$
declare
  v_body text := replace(replace(replace(rtrim(encode(convert_to(p_edges::text, 'UTF8'), 'base64'), '='),
    E'\n', ''), '+', '-'), '/', '_');
  v_scope text := encode(substr(p_key, 1, 16), 'hex');
  v_mac text := dbkit._cursor_mac(substr(p_key, 17), v_body);
begin
  return array['n' || v_scope || left(v_mac, 32) || v_body, 'p' || v_scope || right(v_mac, 32) || v_body];
end
$$;
comment on function dbkit._seal_cursors(bytea, text[]) is
  'The cursors {next, previous} of a page, signed with what _cursor_key gave. p_edges: the values, in the
order''s columns, of its first row and then of its last; {} for an empty page, which has the very end of the
list before it and the very start behind it.
A cursor is n or p, 32 hex digits of scope, 32 of signature, and base64url of the edges.';
grant execute on function dbkit._seal_cursors(bytea, text[])
to anon, authenticated, service_role, super_admin;
