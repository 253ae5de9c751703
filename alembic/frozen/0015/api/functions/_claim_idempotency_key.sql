create or replace function dbkit._claim_idempotency_key(p_key text, p_fingerprint text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_scope text := dbkit._idempotency_scope();
  v_seen dbkit.api_idempotency_keys;
begin
  if length(p_key) not between 1 and 200 then
    perform dbkit.raise_error('KD105', '"idempotency_key" must have 1 to 200 characters',
      '{"field": "idempotency_key"}', 'Send a UUID, for example, that is new for each new request.');
  end if;
  if coalesce(dbkit.context_value('user_id'), dbkit.context_value('client_id')) is null
    and not dbkit.caller_has_role('service_role')
  then
    -- All unnamed callers would share their keys, and one could read the answer to another.
    perform dbkit.raise_error('KD105', '"idempotency_key" needs a client_id or user_id beside it',
      '{"field": "idempotency_key"}',
      'Say who calls (a token, the header X-Client-Id, client_id in the request context), or leave the key out.');
  end if;
  if not pg_try_advisory_xact_lock(hashtextextended('dbkit.idempotency ' || v_scope || p_key, 0)) then
    perform dbkit.raise_error('KD111', 'a request with this idempotency key is still running',
      jsonb_build_object('idempotency_key', p_key), 'Wait a moment and send the same request again.');
  end if;
  select * into v_seen from dbkit.api_idempotency_keys where scope = v_scope and key = p_key;
  if found and v_seen.fingerprint is distinct from p_fingerprint then
    perform dbkit.raise_error('KD110', 'this idempotency key was used with another payload',
      jsonb_build_object('idempotency_key', p_key, 'first_used_at', v_seen.created_at),
      'Use a new key for a new request; repeat a request with the very same payload.');
  end if;
  return v_seen.response;
end
$$;
comment on function dbkit._claim_idempotency_key(text, text) is
  'The stored data for a key of the caller; NULL when the write is still to be done. Raises KD105, KD110,
KD111. Holds the key until the transaction ends.';
grant execute on function dbkit._claim_idempotency_key(text, text)
to anon, authenticated, service_role, super_admin;
