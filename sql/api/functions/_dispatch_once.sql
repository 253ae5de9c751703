-- The key is committed with the write: after a rollback it is free again, and a crash cannot leave an
-- answer without its effect. An advisory lock tells "still running" at once, where a unique index
-- would make the second request wait for the first. Whether the data is an earlier request's goes back in a
-- setting: whoever asks reads it right after, and no other call pays for it.
create or replace function dbkit._dispatch_once(p_rpc_id int, p_name text, p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_said text := p_payload ->> 'idempotency_key';
  v_key text := nullif(current_setting('dbkit.idempotency_key', true), '');
  v_fingerprint text := encode(sha256(convert_to(p_name || ' ' || p_payload::text, 'UTF8')), 'hex');
  v_data jsonb;
begin
  if v_said <> v_key then
    perform dbkit.raise_error('KD120', 'the request has one idempotency key, and its payload another',
      jsonb_build_object('field', 'idempotency_key'), 'Send the key once.');
  end if;
  v_key := coalesce(v_said, v_key);
  if v_key is not null then
    v_data := dbkit._claim_idempotency_key(v_key, v_fingerprint);
  end if;
  if v_data is not null then
    perform set_config('dbkit.replayed', 'on', true);
    return v_data;
  end if;
  -- The key is this call's: a call that the handler makes does not have it.
  perform set_config('dbkit.idempotency_key', '', true);
  v_data := dbkit._dispatch(p_rpc_id, p_payload);
  if v_key is not null then
    perform dbkit._settle_idempotency_key(v_key, v_fingerprint, v_data);
  end if;
  perform set_config('dbkit.replayed', 'off', true);
  return v_data;
end
$$;
comment on function dbkit._dispatch_once(int, text, jsonb) is
  'Runs a write once for its idempotency key (of the payload or of the setting dbkit.idempotency_key, KD120
when they differ), or returns the data of the first time. Leaves in dbkit.replayed which of them it was.';
grant execute on function dbkit._dispatch_once(int, text, jsonb)
to anon, authenticated, service_role, super_admin;
