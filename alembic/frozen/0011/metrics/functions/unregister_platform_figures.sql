create or replace function dbkit.unregister_platform_figures(p_name text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering figures');
  delete from dbkit.metric_figures f where f.name = p_name;
  return found;
end
$$;
comment on function dbkit.unregister_platform_figures(text) is
  'Removes figures; whether there were any of that name. Needs super_admin (KD003).';
grant execute on function dbkit.unregister_platform_figures(text) to super_admin;
