create or replace function dbkit.create_api_key(
  p_consumer text,
  p_role text default 'authenticated',
  p_scopes text[] default '{*}',
  p_organization_id text default null,
  p_expires_at timestamptz default null,
  p_description text default ''
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_key_id text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
  v_problem text;
begin
  perform dbkit.require_service('creating an API key');
  perform dbkit._check_api_key_role(p_role);
  v_problem := case
    when (length(p_consumer) between 1 and 200 and p_consumer !~ '[[:cntrl:]]') is not true
      then 'p_consumer must have 1 to 200 printable characters'
    when (cardinality(p_scopes) between 1 and 100 and array_ndims(p_scopes) = 1) is not true or exists (
      select from unnest(p_scopes) as s
      where (s ~ '^([a-z][a-z0-9_]{0,62}|([a-z][a-z0-9_]{0,61})?\*)$') is not true)
      then 'p_scopes must be 1 to 100 names of calls, or their beginnings with a * behind'
    when length(p_organization_id) not between 1 and 200 or p_organization_id ~ '[[:cntrl:]]'
      then 'p_organization_id must have 1 to 200 printable characters'
    when p_expires_at <= v_now then 'p_expires_at must be in the future'
    when length(p_description) > 1000 then 'p_description must have at most 1000 characters'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD123', v_problem, jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  insert into dbkit.api_keys (key_id, consumer, role, scopes, organization_id, description, created_by,
    created_at, expires_at)
  values (v_key_id, p_consumer, p_role, p_scopes, p_organization_id, coalesce(p_description, ''),
    dbkit.caller_role(), v_now, p_expires_at);
  return jsonb_build_object('key_id', v_key_id, 'secret', dbkit._add_api_key_secret(v_key_id),
    'consumer', p_consumer, 'role', p_role, 'scopes', p_scopes, 'organization_id', p_organization_id,
    'expires_at', p_expires_at);
end
$$;
comment on function dbkit.create_api_key(text, text, text[], text, timestamptz, text) is
  'Makes an API key for a consumer, whose name is the client_id of its calls. The secret is told here and
never shown again: dbk_<key_id>_<43 letters>. p_role: role of its calls, which the caller must have; p_scopes: names
of calls, or their beginnings with a * behind; p_organization_id: organization of its calls, whatever a client
says; p_expires_at: NULL never.
Returns {key_id text, secret text, consumer text, role text, scopes text[], organization_id text?, expires_at timestamptz?}.
Needs service_role. Raises KD003, KD123.
Nullable: p_organization_id, p_expires_at.';
grant execute on function dbkit.create_api_key(text, text, text[], text, timestamptz, text)
to service_role, super_admin;
