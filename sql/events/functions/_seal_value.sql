-- Encrypt, then authenticate, each with a key of its own; docs/adr/0010 has the reasons.
create or replace function dbkit._seal_value(p_key bytea, p_place text, p_value jsonb)
returns text
language plpgsql
volatile strict
as $$
declare
  v_keys bytea[] := dbkit._field_keys(p_key);
  v_nonce bytea := uuid_send(gen_random_uuid());
  v_box bytea;
begin
  v_box := '\x01'::bytea || v_nonce
    || dbkit._encrypt_bytes(v_keys[1], v_nonce, convert_to(p_value::text, 'UTF8'));
  return replace(encode(v_box || dbkit._hmac_sha256(v_keys[2], convert_to(p_place, 'UTF8') || v_box),
    'base64'), E'\n', '');
end
$$;
comment on function dbkit._seal_value(bytea, text, jsonb) is
  'base64 of version (1 byte, 1), nonce (16 bytes: a random UUID, 122 bits), the value''s encrypted JSON text
and a tag (32 bytes) over p_place and all of that. p_place: JSON array, so that no value can be moved.';
