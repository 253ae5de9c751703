-- The hot path: one indexed read decides the version (api_routes), then the handler runs once, with
-- the caller's own rights. A handler's error is an error: nothing is caught here, nothing tried again.
create or replace function dbkit.route_api_call(
  p_name text,
  p_payload jsonb default '{}',
  p_requested_version text default null
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_requested text := coalesce(p_requested_version, nullif(current_setting('dbkit.api_version', true), ''));
  v_key text := nullif(current_setting('dbkit.app_version_key', true), '');
  v_rpc_id int;
  v_access text;
  v_brownouts tstzmultirange;
  v_meta jsonb;
begin
  if coalesce(current_setting('request.headers', true), '') <> '' then
    v_requested := coalesce(p_requested_version, dbkit.context_value('api_version'));
    v_key := dbkit.app_version_key();
  end if;
  select t.rpc_id, t.access, t.brownouts, t.meta
  into v_rpc_id, v_access, v_brownouts, v_meta
  from dbkit.active_api_version a
  join dbkit.api_routes t
    on t.name = p_name
    and t.explicit = (v_requested is not null)
    and t.asked = coalesce(
      v_requested, case when a.has_pins then dbkit._pinned_version() end, a.current_version)
  where a.id = 1
    and (v_key is null or t.min_app_key <= v_key)
    and (t.sunset_at is null or t.sunset_at > dbkit.clock())
  order by t.rank
  limit 1;
  if v_meta is null then
    perform dbkit._raise_no_route(p_name, v_requested, v_key);
  elsif v_brownouts is not null and v_brownouts @> dbkit.clock() then
    perform dbkit._raise_brownout(v_meta ->> 'version', v_brownouts);
  elsif current_setting('dbkit.log_calls', true) = 'on' then
    return dbkit._dispatch_logged(v_rpc_id, v_access, p_payload, v_meta);
  elsif v_access = 'write' and p_payload ? 'idempotency_key' then
    return jsonb_build_object(
      'data', dbkit._dispatch_once(v_rpc_id, p_name, p_payload), 'meta', v_meta);
  end if;
  return jsonb_build_object(
    'data', dbkit._dispatch(v_rpc_id, coalesce(p_payload, '{}')), 'meta', v_meta);
end
$$;
comment on function dbkit.route_api_call(text, jsonb, text) is
  'Runs a registered call in the version that fits the client, and says which one that was.
The version: p_requested_version (or the context''s api_version), else the consumer''s pin, else the
active one; from there the highest that the app version meets, that is not sunset and has a handler.
Never a newer one. A write goes to an older version only where that says compatible_with.
Answers {"data": what the handler returned, "meta": {rpc, version, requested_version, fallback,
deprecated, sunset_at, warnings}}. A write whose payload has an idempotency_key runs once: the same key
and payload get the same data again.
Raises KD101 unknown call, KD102 unknown version, KD103 sunset, KD104 client too old, KD105 payload, KD003
forbidden, KD109 write without a compatible version, KD110 and KD111 idempotency, KD114 brown-out, and
whatever the handler raises.
Returns {data json, meta {rpc text, version text, requested_version text?, fallback boolean, deprecated boolean, sunset_at timestamptz?, warnings text[]}}';
grant execute on function dbkit.route_api_call(text, jsonb, text)
to anon, authenticated, service_role, super_admin;
