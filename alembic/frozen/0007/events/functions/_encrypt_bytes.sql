create or replace function dbkit._encrypt_bytes(p_key bytea, p_nonce bytea, p_data bytea)
returns bytea
language plpgsql
immutable strict
as $$
declare
  v_pads bytea[] := dbkit._hmac_pads(p_key);
begin
  return dbkit._xor_bytes(p_data, (
    select string_agg(sha256(v_pads[2] || sha256(v_pads[1] || p_nonce || int4send(i))), '' order by i)
    from generate_series(0, greatest(length(p_data) - 1, 0) / 32) as i));
end
$$;
comment on function dbkit._encrypt_bytes(bytea, bytea, bytea) is
  'Data XOR HMAC-SHA-256(key, nonce || counter), counter a 4-byte number from 0: encrypts, and decrypts what
it encrypted. A nonce must never come twice with a key.';
