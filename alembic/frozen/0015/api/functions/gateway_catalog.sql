-- In statements of their own: a role without a right on the limits must be able to read the rest.
create or replace function dbkit.gateway_catalog()
returns jsonb
language plpgsql
stable
as $$
declare
  v_versions jsonb := (
    select jsonb_agg(jsonb_build_object('version', version, 'status', status, 'deprecated_at', deprecated_at,
        'sunset_at', sunset_at, 'successor', successor, 'min_app_version', min_app_version,
        'description', description) order by ordinal)
    from dbkit.api_versions);
  v_calls jsonb := (
    select jsonb_agg(jsonb_build_object('name', r.name, 'version', r.version, 'access', r.access,
        'required_role', r.required_role, 'description', r.description, 'request_schema', r.request_schema,
        'response_schema', r.response_schema, 'compatible_with', r.compatible_with)
      order by r.name collate "C", v.ordinal)
    from dbkit.api_rpcs r
    join dbkit.api_versions v on v.version = r.version);
  v_limits jsonb;
begin
  if dbkit.caller_has_role('service_role') then
    v_limits := (
      select jsonb_agg(jsonb_build_object('consumer', consumer, 'call', call, 'max_calls', max_calls,
          'window_seconds', window_seconds) order by consumer, call)
      from dbkit.api_rate_limits);
  end if;
  return (
    select jsonb_build_object('revision', a.revision, 'routes_revision', dbkit._routes_revision(),
      'active_version', a.current_version, 'fallback_version', a.fallback_version,
      'versions', coalesce(v_versions, '[]'), 'calls', coalesce(v_calls, '[]'),
      'rate_limits', coalesce(v_limits, '[]'))
    from dbkit.active_api_version a);
end
$$;
comment on function dbkit.gateway_catalog() is
  'All that a gateway keeps of the registry: versions by age, calls by name and version, and for a service the
rate limits. Read it again after a notification on dbkit_api_calls (calls, versions), dbkit_api_version (the
active version) or dbkit_rate_limits. revision counts switches, routes_revision changes of calls and versions.
Returns {revision bigint, routes_revision bigint, active_version text, fallback_version text, versions {version text, status text, deprecated_at timestamptz?, sunset_at timestamptz?, successor text?, min_app_version text, description text}[], calls {name text, version text, access text, required_role text?, description text, request_schema json, response_schema json?, compatible_with text[]}[], rate_limits {consumer text, call text, max_calls int, window_seconds int}[]}';
grant execute on function dbkit.gateway_catalog() to anon, authenticated, service_role, super_admin;
