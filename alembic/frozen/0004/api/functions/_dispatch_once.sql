-- The key is committed with the write: after a rollback it is free again, and a crash cannot leave an
-- answer without its effect. An advisory lock tells "still running" at once, where a unique index
-- would make the second request wait for the first.
create or replace function dbkit._dispatch_once(p_rpc_id int, p_name text, p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_key text := p_payload ->> 'idempotency_key';
  v_fingerprint text := encode(sha256(convert_to(p_name || ' ' || p_payload::text, 'UTF8')), 'hex');
  v_data jsonb;
begin
  if v_key is null then
    return dbkit._dispatch(p_rpc_id, p_payload);
  end if;
  v_data := dbkit._claim_idempotency_key(v_key, v_fingerprint);
  if v_data is null then
    v_data := dbkit._dispatch(p_rpc_id, p_payload);
    perform dbkit._settle_idempotency_key(v_key, v_fingerprint, v_data);
  end if;
  return v_data;
end
$$;
comment on function dbkit._dispatch_once(int, text, jsonb) is
  'Runs a write once for its idempotency_key, or returns the data of the first time.';
grant execute on function dbkit._dispatch_once(int, text, jsonb)
to anon, authenticated, service_role, super_admin;
