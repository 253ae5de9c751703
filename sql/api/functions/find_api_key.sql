create or replace function dbkit.find_api_key(p_digest text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  perform dbkit.require_service('finding an API key');
  return (
    select jsonb_build_object('key_id', k.key_id, 'consumer', k.consumer, 'role', k.role, 'scopes', k.scopes,
      'organization_id', k.organization_id, 'expires_at', least(k.expires_at, s.valid_until))
    from dbkit.api_key_secrets s
    join dbkit.api_keys k on k.key_id = s.key_id
    where s.digest = p_digest
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > v_now)
      and (s.valid_until is null or s.valid_until > v_now));
end
$$;
comment on function dbkit.find_api_key(text) is
  'What a gateway asks: the valid key to which a secret belongs, by the SHA-256 of the whole secret in hex;
NULL when there is none. expires_at: when this secret ends, if nobody revokes it before.
Returns {key_id text, consumer text, role text, scopes text[], organization_id text?, expires_at timestamptz?}.
Needs service_role (KD003).
Nullable: result.';
grant execute on function dbkit.find_api_key(text) to service_role, super_admin;
