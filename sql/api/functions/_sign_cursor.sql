-- The JSON is signed as the base64url text that it travels as: so a signature is checked before anything is
-- decoded, and nothing but what was written here is ever parsed.
create or replace function dbkit._sign_cursor(
  p_inner bytea,
  p_outer bytea,
  p_scope text,
  p_direction text,
  p_edge jsonb
)
returns text
language plpgsql
immutable strict
as $$
declare
  v_text text := translate(encode(convert_to(
    json_build_object('s', p_scope, 'd', p_direction, 'v', p_edge)::text, 'UTF8'), 'base64'), E'+/=\n', '-_');
begin
  return v_text || '.' || translate(encode(
    sha256(p_outer || sha256(p_inner || convert_to(v_text, 'UTF8'))), 'base64'), '+/=', '-_');
end
$$;
comment on function dbkit._sign_cursor(bytea, bytea, text, text, jsonb) is
  'base64url({"s": scope, "d": direction, "v": edge}) "." base64url(HMAC-SHA-256) for the two blocks of
a key.';
