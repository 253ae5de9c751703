create or replace function dbkit._hmac_pads(p_key bytea)
returns bytea[]
language plpgsql
immutable strict
as $$
declare
  v_key bytea := case when length(p_key) > 64 then sha256(p_key) else p_key end;
  v_inner bytea := decode(repeat('36', 64), 'hex');
  v_outer bytea := decode(repeat('5c', 64), 'hex');
begin
  return array[dbkit._xor_bytes(v_key, v_inner) || substr(v_inner, length(v_key) + 1),
    dbkit._xor_bytes(v_key, v_outer) || substr(v_outer, length(v_key) + 1)];
end
$$;
comment on function dbkit._hmac_pads(bytea) is
  'The inner and the outer block of HMAC-SHA-256 (RFC 2104) for a key of any length.';
