-- Settings are transaction-local, so a pool's next client starts without them. All keys are
-- written, also the absent ones: a second call in a transaction leaves nothing of the first.
create or replace function dbkit.set_request_context(p_context jsonb)
returns void
language plpgsql
volatile
as $$
declare
  v_key text;
  v_value jsonb;
  v_keys constant text[] := array['app_name', 'app_version', 'api_version', 'client_id', 'region',
    'request_id', 'user_id', 'organization_id', 'correlation_id', 'causation_id'];
begin
  if jsonb_typeof(p_context) is distinct from 'object' then
    perform dbkit.raise_error('KD001', 'the request context must be a JSON object', '{}',
      'Pass for example {"app_name": "web", "app_version": "1.4.0"}.');
  end if;
  for v_key, v_value in select * from jsonb_each(p_context) loop
    if v_key <> all (v_keys) then
      perform dbkit.raise_error('KD001', format('unknown key "%s" in the request context', v_key),
        jsonb_build_object('key', v_key, 'known', v_keys),
        format('Known keys: %s.', array_to_string(v_keys, ', ')));
    end if;
    if jsonb_typeof(v_value) not in ('string', 'null')
      or v_value #>> '{}' ~ '[[:cntrl:]]' or length(v_value #>> '{}') not between 1 and 200
    then
      perform dbkit.raise_error('KD001',
        format('"%s" in the request context must be a string of 1 to 200 printable characters', v_key),
        jsonb_build_object('key', v_key), 'Leave the key out, or pass null, when there is no value.');
    end if;
  end loop;
  perform
    set_config('dbkit.app_version_key',
      coalesce(dbkit.semver_key(p_context ->> 'app_version'), ''), true),
    set_config('dbkit.app_name', coalesce(p_context ->> 'app_name', ''), true),
    set_config('dbkit.app_version', coalesce(p_context ->> 'app_version', ''), true),
    set_config('dbkit.api_version', coalesce(p_context ->> 'api_version', ''), true),
    set_config('dbkit.client_id', coalesce(p_context ->> 'client_id', ''), true),
    set_config('dbkit.region', coalesce(p_context ->> 'region', ''), true),
    set_config('dbkit.request_id', coalesce(p_context ->> 'request_id', ''), true),
    set_config('dbkit.user_id', coalesce(p_context ->> 'user_id', ''), true),
    set_config('dbkit.organization_id', coalesce(p_context ->> 'organization_id', ''), true),
    set_config('dbkit.correlation_id', coalesce(p_context ->> 'correlation_id', ''), true),
    set_config('dbkit.causation_id', coalesce(p_context ->> 'causation_id', ''), true);
end
$$;
comment on function dbkit.set_request_context(jsonb) is
  'Says who calls, for this transaction. Keys: app_name, app_version, api_version, client_id, region,
request_id, user_id, organization_id, correlation_id, causation_id; all optional strings of 1 to 200
characters. Raises KD001 for an unknown key or a bad value, KD002 for an app_version that is not a version.
No key grants a right: rights come from the database role.';
grant execute on function dbkit.set_request_context(jsonb)
to anon, authenticated, service_role, super_admin;
