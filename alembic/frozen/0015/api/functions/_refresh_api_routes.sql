-- Two kinds of rows (see api_routes.explicit). Explicit: the payload is of the asked version, so a
-- write may go down only to a handler that says compatible_with. Otherwise the payload is of the
-- app's own generation: walk down to the newest version that the app reaches, and resolve there
-- alone (from min_app_key to below_app_key), since for a write an older version is another payload.
create or replace function dbkit._refresh_api_routes(p_name text default null)
returns void
language plpgsql
volatile
as $$
begin
  delete from dbkit.api_routes where p_name is null or name = p_name;
  with candidates as (
    select r.name, a.version as asked, a.ordinal as asked_ordinal, a.min_app_key as asked_key,
      a.sunset_at as asked_sunset, a.brownouts as asked_brownouts,
      r.rpc_id, r.version, r.access, v.ordinal, v.min_app_key, v.sunset_at, v.status,
      v.deprecated_at, v.successor, nullif(v.brownouts, '{}') as brownouts
    from dbkit.api_versions a
    join dbkit.api_versions v on v.ordinal <= a.ordinal
    join dbkit.api_rpcs r on r.version = v.version
    where (p_name is null or r.name = p_name)
      and (r.access = 'read' or v.version = a.version or a.version = any (r.compatible_with))
  ),
  explicit_routes as (
    select true as explicit, name, asked, asked as top, rpc_id, version, access,
      min_app_key, null as below_app_key, least(asked_sunset, sunset_at) as sunset_at,
      nullif(asked_brownouts + coalesce(brownouts, '{}'), '{}') as brownouts, status, deprecated_at,
      successor, c.sunset_at as served_sunset,
      row_number() over (partition by name, asked order by ordinal desc) as rank
    from candidates c
  ),
  implicit_routes as (
    select false as explicit, c.name, top.version as asked, top.version as top, c.rpc_id, c.version,
      c.access, c.asked_key as min_app_key, (
        select n.min_app_key
        from dbkit.api_versions n
        where n.ordinal > c.asked_ordinal and n.ordinal <= top.ordinal
        order by n.ordinal
        limit 1) as below_app_key, c.sunset_at, c.brownouts, c.status, c.deprecated_at,
      c.successor, c.sunset_at as served_sunset,
      row_number() over (
        partition by c.name, top.version order by c.asked_ordinal desc, c.ordinal desc) as rank
    from dbkit.api_versions top
    join candidates c on c.asked_ordinal <= top.ordinal
  )
  insert into dbkit.api_routes (
    name, explicit, asked, rank, rpc_id, version, access, min_app_key, below_app_key, sunset_at,
    brownouts, fast_key, meta)
  select name, explicit, asked, rank, rpc_id, version, access, min_app_key, below_app_key, sunset_at,
    brownouts, case when rank = 1 and access = 'read' and coalesce(
        sunset_at::text, brownouts::text, below_app_key) is null
      then name || case when explicit then ' ' else '*' end || asked end,
    jsonb_build_object(
      'rpc', name,
      'version', version,
      'requested_version', case when explicit then asked end,
      'fallback', version <> top,
      'deprecated', status <> 'active',
      'sunset_at', served_sunset,
      'warnings', to_jsonb(array_remove(array[
        case when status <> 'active' then format('%s is deprecated%s', version,
          coalesce(' and is sunset at ' || to_char(served_sunset at time zone 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
          || coalesce('; use ' || successor, '')) end,
        case when version <> top then format('%s was asked for, %s is served', top, version) end
      ], null)))
  from (select * from explicit_routes union all select * from implicit_routes) as routes
  where below_app_key is null or min_app_key < below_app_key;
  perform dbkit._generate_fast_route();
  -- One notification a transaction, however many calls it registers: equal ones are sent once.
  perform pg_notify('dbkit_api_calls', '');
end
$$;
comment on function dbkit._refresh_api_routes(text) is
  'Works out api_routes again, for one call or all, and _fast_route, and notifies the channel dbkit_api_calls.
The caller holds the registry lock.';
