-- Every case that the fast path of route_api_call leaves out: writes, older apps, deprecated versions,
-- brown-outs, PostgREST's headers, logging, and calls that cannot be served. One indexed read decides.
create or replace function dbkit._route_slowly(
  p_name text,
  p_payload jsonb,
  p_requested_version text
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
      v_requested, case when a.has_pins then coalesce(dbkit._pinned_version(), dbkit._released_version()) end,
      a.current_version)
  where a.id = 1
    and (v_key is null or t.min_app_key <= v_key)
    and (t.below_app_key is null or v_key < t.below_app_key)
    and (t.sunset_at is null or t.sunset_at > dbkit.clock())
  order by t.rank
  limit 1;
  if v_meta is null then
    perform dbkit._raise_no_route(p_name, v_requested, v_key);
  elsif v_brownouts is not null and v_brownouts @> dbkit.clock() then
    perform dbkit._raise_brownout((
      select version
      from dbkit.api_versions
      where version in (v_meta ->> 'requested_version', v_meta ->> 'version')
        and brownouts @> dbkit.clock()
      order by ordinal desc
      limit 1), v_brownouts);
  elsif current_setting('dbkit.log_calls', true) = 'on' then
    return dbkit._dispatch_logged(v_rpc_id, v_access, p_payload, v_meta);
  end if;
  return dbkit._dispatch_routed(v_rpc_id, v_access, p_payload, v_meta);
end
$$;
comment on function dbkit._route_slowly(text, jsonb, text) is
  'What route_api_call does, for every case. Raises what its comment lists.';
grant execute on function dbkit._route_slowly(text, jsonb, text)
to anon, authenticated, service_role, super_admin;
