create or replace function dbkit.unregister_maintenance_step(p_step text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('removing a maintenance step');
  delete from dbkit.maintenance_steps s where s.step = p_step;
  if not found then
    perform dbkit._raise_unknown_maintenance_step(p_step);
  end if;
end
$$;
comment on function dbkit.unregister_maintenance_step(text) is
  'Takes a step out of the maintenance; a run that is under way is waited for.
Needs super_admin. Raises KD003, KD747.';
grant execute on function dbkit.unregister_maintenance_step(text) to super_admin;
