-- 366 random bits of three version-4 UUIDs, hashed to 256, so that the text shows nothing of their layout.
create or replace function dbkit._add_api_key_secret(p_key_id text)
returns text
language plpgsql
volatile
as $$
declare
  v_random bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()));
  v_secret text := 'dbk_' || p_key_id || '_' || translate(encode(v_random, 'base64'), '+/=', '-_');
begin
  insert into dbkit.api_key_secrets (digest, key_id, created_at)
  values (encode(sha256(convert_to(v_secret, 'UTF8')), 'hex'), p_key_id, dbkit.clock());
  return v_secret;
end
$$;
comment on function dbkit._add_api_key_secret(text) is
  'A new secret of a key, dbk_<key_id>_<43 letters of base64url>; only its digest is kept.';
