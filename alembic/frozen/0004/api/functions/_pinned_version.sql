create or replace function dbkit._pinned_version()
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  return (
    select pinned_version
    from dbkit.api_consumers
    where consumer in (dbkit.context_value('client_id'), dbkit.context_value('organization_id'))
    order by consumer = dbkit.context_value('client_id') desc
    limit 1
  );
end
$$;
comment on function dbkit._pinned_version() is
  'The version that the calling consumer is pinned to: its client_id first, then its organization_id.';
grant execute on function dbkit._pinned_version() to anon, authenticated, service_role, super_admin;
