-- The tags are compared as hashes that begin with the key: how long that takes says nothing of where they
-- differ.
create or replace function dbkit._open_value(p_key bytea, p_place text, p_sealed text)
returns jsonb
language plpgsql
immutable strict
as $$
declare
  v_keys bytea[] := dbkit._field_keys(p_key);
  v_all bytea;
  v_box bytea;
begin
  if p_sealed !~ '^([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' then
    return null;
  end if;
  v_all := decode(p_sealed, 'base64');
  v_box := substr(v_all, 1, greatest(length(v_all) - 32, 0));
  if length(v_box) < 18 or get_byte(v_box, 0) <> 1
    or sha256(v_keys[2] || substr(v_all, length(v_box) + 1))
    <> sha256(v_keys[2] || dbkit._hmac_sha256(v_keys[2], convert_to(p_place, 'UTF8') || v_box))
  then
    return null;
  end if;
  return convert_from(dbkit._encrypt_bytes(v_keys[1], substr(v_box, 2, 16), substr(v_box, 18)),
'UTF8')::jsonb; end
$$;
comment on function dbkit._open_value(bytea, text, text) is
  'What _seal_value sealed; NULL when key, place or any bit is another.';
