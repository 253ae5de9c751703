create or replace function dbkit._new_subject_key()
returns bytea
language plpgsql
volatile
as $$
begin
  return sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
end
$$;
comment on function dbkit._new_subject_key() is
  '32 random bytes: sha256 of four random UUIDs, which have 4 x 122 = 488 bits from the server''s strong
random source, so that the 256 bits of the key are full.';
