-- The hot path: a read in a version without a date of end, for an app that is new enough, finds its route in
-- a literal and reads no table but the pointer, and that only where no version is asked for
-- (docs/adr/0002); all else goes to _route_slowly. The handler runs once, with the caller's own rights. Its
-- error is an error: nothing is caught here or tried again.
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
  v_suffix text := ' ' || coalesce(p_requested_version, nullif(current_setting('dbkit.api_version', true), ''));
  v_revision bigint;
  v_route jsonb;
begin
  if v_suffix is null then
    select a.fast_suffix, a.routes_revision
    into v_suffix, v_revision
    from dbkit.active_api_version a;
  end if;
  v_route := dbkit._fast_route(p_name || v_suffix);
  -- Routes older than those that the switch saw: the pointer is new, this session's function is not yet.
  if v_route is null
    or (v_route -> 3)::bigint < v_revision
    or v_route ->> 1 > nullif(current_setting('dbkit.app_version_key', true), '') collate "C"
    or current_setting('request.headers', true) <> ''
    or current_setting('dbkit.log_calls', true) = 'on'
  then
    return dbkit._route_slowly(p_name, p_payload, p_requested_version);
  end if;
  return jsonb_build_object(
    'data', dbkit._dispatch((v_route -> 0)::int, coalesce(p_payload, '{}')), 'meta', v_route -> 2);
end
$$;
comment on function dbkit.route_api_call(text, jsonb, text) is
  'Runs a registered call in the version that fits the client, and says which one that was.
The version: p_requested_version (or the context''s api_version), else the consumer''s pin, else that of a
guarded release whose share the consumer is part of, else the active one; from there the highest that the app version meets, that is not sunset and has a handler.
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
