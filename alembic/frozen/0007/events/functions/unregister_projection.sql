create or replace function dbkit.unregister_projection(p_projection text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_is_live boolean;
begin
  perform dbkit.require_super_admin('unregistering a projection');
  perform dbkit._lock_registry();
  select d.is_live into v_is_live
  from dbkit.event_projection_definitions d
  where d.projection = p_projection
  for update;
  if not found then
    return false;
  end if;
  if v_is_live and not dbkit._lock_appends() then
    perform dbkit._raise_projection_busy(p_projection);
  end if;
  delete from dbkit.event_projection_definitions d where d.projection = p_projection;
  delete from dbkit.event_projections p where p.projection = p_projection;
  perform dbkit._generate_event_functions();
  return true;
end
$$;
comment on function dbkit.unregister_projection(text) is
  'Removes a projection with its rows and checkpoints; events stay. False when there is none of that name.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED), KD511 (a live inline one, while open
transactions that append do not end within 2 seconds).';
grant execute on function dbkit.unregister_projection(text) to super_admin;
