-- 64 bytes are one block of sha256, so HMAC uses the key as it is. Random UUIDs are the server's strong
-- random source without an extension: each half is sha256 over four of them, 488 random bits.
create or replace function dbkit._new_cursor_key()
returns int
language plpgsql
volatile
as $$
declare
  v_key bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
      || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    || sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
      || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  v_key_id int;
begin
  insert into dbkit.api_cursor_keys (inner_block, outer_block, created_at)
  select string_agg(set_byte('\x00', 0, get_byte(v_key, n) # 54), '' order by n),
    string_agg(set_byte('\x00', 0, get_byte(v_key, n) # 92), '' order by n), dbkit.clock()
  from generate_series(0, 63) as n
  returning key_id into v_key_id;
  return v_key_id;
end
$$;
comment on function dbkit._new_cursor_key() is
  'Makes a key that signs cursors from now on; returns its number.';
