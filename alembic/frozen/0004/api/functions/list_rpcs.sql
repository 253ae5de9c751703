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
    select distinct on (r.name, case when p_version is null then r.version end)
      r.name, r.version, r.handler_signature, r.access, r.required_role, r.description
    from dbkit.api_rpcs r
    join dbkit.api_versions v on v.version = r.version
    where p_version is null
      or v.ordinal <= (select a.ordinal from dbkit.api_versions a where a.version = p_version)
    order by r.name, case when p_version is null then r.version end, v.ordinal desc;
end
$$;
comment on function dbkit.list_rpcs(text) is
  'The registered calls; with a version those that it serves, each from its newest version up to that one.
required_role is NULL where any role may call. Raises KD102.
Nullable: required_role.';
grant execute on function dbkit.list_rpcs(text) to anon, authenticated, service_role, super_admin;
