create or replace function dbkit.get_active_api_version()
returns table (
  current_version text,
  fallback_version text,
  revision bigint,
  updated_at timestamptz,
  updated_by text,
  deployment_id text
)
language plpgsql
stable
as $$
begin
  return query
    select a.current_version, a.fallback_version, a.revision, a.updated_at, a.updated_by,
      a.deployment_id
    from dbkit.active_api_version a;
end
$$;
comment on function dbkit.get_active_api_version() is
  'The active version: always one row. deployment_id is NULL before the first switch.
Nullable: deployment_id.';
grant execute on function dbkit.get_active_api_version()
to anon, authenticated, service_role, super_admin;
