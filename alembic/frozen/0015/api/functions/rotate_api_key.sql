-- Whoever rotates a key learns a secret of it, so they must have its role, as who creates one.
create or replace function dbkit.rotate_api_key(p_key_id text, p_overlap interval default '24 hours')
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_key dbkit.api_keys;
begin
  perform dbkit.require_service('rotating an API key');
  if (p_overlap between interval '0' and interval '30 days') is not true then
    perform dbkit.raise_error('KD123', 'p_overlap must be 0 to 30 days', '{"argument": "p_overlap"}');
  end if;
  v_key := dbkit._lock_api_key(p_key_id);
  perform dbkit._check_api_key_role(v_key.role);
  if v_key.revoked_at is not null or v_key.expires_at <= v_now then
    perform dbkit.raise_error('KD124', 'the API key is revoked or expired',
      jsonb_build_object('key_id', p_key_id, 'revoked_at', v_key.revoked_at, 'expires_at', v_key.expires_at),
      'Create a new one.');
  end if;
  update dbkit.api_key_secrets
  set valid_until = least(valid_until, v_now + p_overlap)
  where key_id = p_key_id;
  delete from dbkit.api_key_secrets where key_id = p_key_id and valid_until <= v_now;
  update dbkit.api_keys set rotated_at = v_now where key_id = p_key_id;
  perform pg_notify('dbkit_api_keys', p_key_id);
  return jsonb_build_object('key_id', p_key_id, 'secret', dbkit._add_api_key_secret(p_key_id),
    'previous_valid_until', case when p_overlap > interval '0' then v_now + p_overlap end);
end
$$;
comment on function dbkit.rotate_api_key(text, interval) is
  'Gives a key a new secret, told here and never again. The older ones are good for p_overlap more (0 to 30
days), or until they would have ended anyway; 0 ends them at once, as after a leak: previous_valid_until is
NULL then. Notifies the channel dbkit_api_keys. The caller must have the role of the key.
Returns {key_id text, secret text, previous_valid_until timestamptz?}.
Needs service_role. Raises KD003, KD122, KD123, KD124.';
grant execute on function dbkit.rotate_api_key(text, interval) to service_role, super_admin;
