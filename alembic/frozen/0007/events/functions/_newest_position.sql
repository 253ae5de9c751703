create or replace function dbkit._newest_position()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('_newest_position');
  return coalesce((select max(e.position) from dbkit.event_store e), 0);
end
$$;
comment on function dbkit._newest_position() is 'Position of the newest event of all organizations.';
grant execute on function dbkit._newest_position() to service_role, super_admin;
