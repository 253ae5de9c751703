create or replace function dbkit.list_rpcs(p_version text default null)
returns table (
  name text,
  version text,
  handler_signature text,
  access text,
  required_role text,
  description text
)
language plpgsql
stable
as $$
begin
  if p_version is not null then
    perform dbkit._require_version(p_version);
  end if;
  return query
    select r.name, r.version, r.handler_signature, r.access, r.required_role, r.description
    from dbkit.api_rpcs r
    join dbkit.api_versions v on v.version = r.version
    where p_version is null or r.rpc_id = (
      select t.rpc_id
      from dbkit.api_routes t
      where t.name = r.name and t.explicit and t.asked = p_version
        and (t.sunset_at is null or t.sunset_at > dbkit.clock())
      order by t.rank
      limit 1)
    order by r.name, v.ordinal;
end
$$;
comment on function dbkit.list_rpcs(text) is
  'The registered calls; with a version those that it serves, each from its newest version up to that one.
required_role is NULL where any role may call. Raises KD102.
Nullable: required_role.';
grant execute on function dbkit.list_rpcs(text) to anon, authenticated, service_role, super_admin;
