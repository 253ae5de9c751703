-- Eight bytes at a time, through bigint: bytea has no operator for it. A loop starts faster than a query,
-- which is what counts for a key or a name; for long text its concatenation would be quadratic.
create or replace function dbkit._xor_bytes(p_left bytea, p_right bytea)
returns bytea
language plpgsql
immutable strict
as $$
declare
  v_result bytea := ''::bytea;
begin
  if length(p_left) <= 256 then
    for i in 0 .. (length(p_left) - 1) / 8 loop
      v_result := v_result || int8send(
        ('x' || rpad(encode(substr(p_left, i * 8 + 1, 8), 'hex'), 16, '0'))::bit(64)::bigint
        # ('x' || rpad(encode(substr(p_right, i * 8 + 1, 8), 'hex'), 16, '0'))::bit(64)::bigint);
    end loop;
  else
    select string_agg(int8send(
      ('x' || rpad(encode(substr(p_left, i, 8), 'hex'), 16, '0'))::bit(64)::bigint
      # ('x' || rpad(encode(substr(p_right, i, 8), 'hex'), 16, '0'))::bit(64)::bigint), '' order by i)
    into v_result
    from generate_series(1, length(p_left), 8) as i;
  end if;
  return substr(v_result, 1, length(p_left));
end
$$;
comment on function dbkit._xor_bytes(bytea, bytea) is
  'Exclusive or of two byte strings, as long as the first.';
