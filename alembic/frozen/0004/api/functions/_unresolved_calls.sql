-- A version promises every call that it or an older version has.
create or replace function dbkit._unresolved_calls(p_version text)
returns table (name text, reason text)
language plpgsql
stable
as $$
begin
  return query
    select c.name, case
      when t.rpc_id is null and exists (
        select
        from dbkit.api_routes gone
        where gone.name = c.name and gone.asked = p_version and gone.explicit
      ) then 'every version that served it has been sunset'
      when t.rpc_id is null then
        format('a write that older versions have, but none is compatible_with %s', p_version)
      else format('the handler %s does not exist', r.handler_signature) end
    from (
      select distinct known.name
      from dbkit.api_rpcs known
      join dbkit.api_versions v on v.version = known.version
      join dbkit.api_versions asked on asked.version = p_version and v.ordinal <= asked.ordinal
    ) as c
    left join lateral (
      select route.rpc_id
      from dbkit.api_routes route
      where route.name = c.name and route.asked = p_version and route.explicit
        and (route.sunset_at is null or route.sunset_at > dbkit.clock())
      order by route.rank
      limit 1
    ) as t on true
    left join dbkit.api_rpcs r on r.rpc_id = t.rpc_id
    where t.rpc_id is null or to_regprocedure(r.handler_signature) is null
    order by c.name;
end
$$;
comment on function dbkit._unresolved_calls(text) is
  'Calls that a version promises and could not serve, with the reason.';
