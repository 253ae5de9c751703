create or replace function dbkit._settle_idempotency_key(
  p_key text,
  p_fingerprint text,
  p_response jsonb
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  insert into dbkit.api_idempotency_keys (scope, key, fingerprint, response)
  values (dbkit._idempotency_scope(), p_key, p_fingerprint, coalesce(p_response, 'null'));
end
$$;
comment on function dbkit._settle_idempotency_key(text, text, jsonb) is
  'Keeps the data of a write under the caller''s key, in the write''s own transaction.';
grant execute on function dbkit._settle_idempotency_key(text, text, jsonb)
to anon, authenticated, service_role, super_admin;
