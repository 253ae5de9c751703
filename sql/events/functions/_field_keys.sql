create or replace function dbkit._field_keys(p_key bytea)
returns bytea[]
language plpgsql
immutable strict
as $$
declare
  v_pads bytea[] := dbkit._hmac_pads(p_key);
begin
  return array[sha256(v_pads[2] || sha256(v_pads[1] || 'dbkit event field: encryption')),
    sha256(v_pads[2] || sha256(v_pads[1] || 'dbkit event field: authentication'))];
end
$$;
comment on function dbkit._field_keys(bytea) is
  'The keys for encryption and for authentication: HMAC-SHA-256 of a subject''s key and a text for each.';
