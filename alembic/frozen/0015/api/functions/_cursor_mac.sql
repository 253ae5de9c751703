-- A key of 32 bytes and a digest of 32 are hashed outside, so nothing can be appended to what is signed.
create or replace function dbkit._cursor_mac(p_key bytea, p_body text)
returns text
language sql
immutable
as $$
  select encode(sha256(p_key || sha256(p_key || convert_to(p_body, 'UTF8'))), 'hex')
$$;
comment on function dbkit._cursor_mac(bytea, text) is
  '64 hex digits that sign the body of a cursor: the first 32 for going on, the others for going back.';
grant execute on function dbkit._cursor_mac(bytea, text) to anon, authenticated, service_role, super_admin;
