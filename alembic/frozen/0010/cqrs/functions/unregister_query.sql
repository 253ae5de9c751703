create or replace function dbkit.unregister_query(p_query text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a query');
  perform dbkit._lock_registry();
  delete from dbkit.query_definitions d where d.query = p_query;
  if not found then
    return false;
  end if;
  delete from dbkit.query_cache c where c.query = p_query;
  perform dbkit._generate_queries();
  return true;
end
$$;
comment on function dbkit.unregister_query(text) is
  'Takes a query and its cached answers away; its handler stays. Returns whether it was there.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED).';
grant execute on function dbkit.unregister_query(text) to super_admin;
