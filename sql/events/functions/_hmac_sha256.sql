create or replace function dbkit._hmac_sha256(p_key bytea, p_data bytea)
returns bytea
language plpgsql
immutable strict
as $$
declare
  v_pads bytea[] := dbkit._hmac_pads(p_key);
begin
  return sha256(v_pads[2] || sha256(v_pads[1] || p_data));
end
$$;
comment on function dbkit._hmac_sha256(bytea, bytea) is
  'HMAC-SHA-256 (RFC 2104), without an extension: the embedded server has no pgcrypto.';
