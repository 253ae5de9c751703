create or replace function dbkit.revoke_api_key(p_key_id text, p_reason text default '')
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_key dbkit.api_keys;
begin
  perform dbkit.require_service('revoking an API key');
  if length(p_reason) > 1000 then
    perform dbkit.raise_error('KD123', 'p_reason must have at most 1000 characters', '{"argument": "p_reason"}');
  end if;
  v_key := dbkit._lock_api_key(p_key_id);
  perform pg_notify('dbkit_api_keys', p_key_id);
  if v_key.revoked_at is not null then
    return false;
  end if;
  delete from dbkit.api_key_secrets where key_id = p_key_id;
  update dbkit.api_keys
  set revoked_at = dbkit.clock(), revoked_by = dbkit.caller_role(), revoked_reason = coalesce(p_reason, '')
  where key_id = p_key_id;
  return true;
end
$$;
comment on function dbkit.revoke_api_key(text, text) is
  'Ends an API key with all its secrets, for good; false when it is revoked already. Gateways hear of it on
the channel dbkit_api_keys. Needs service_role. Raises KD003, KD122, KD123.';
grant execute on function dbkit.revoke_api_key(text, text) to service_role, super_admin;
