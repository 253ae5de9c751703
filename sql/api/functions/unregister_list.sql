create or replace function dbkit.unregister_list(p_name text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a list');
  perform dbkit._lock_registry();
  delete from dbkit.api_lists l where l.name = p_name;
  if not found then
    return false;
  end if;
  perform dbkit._generate_list_dispatcher();
  execute format('drop function if exists dbkit.%I(text[], int, bigint, jsonb, text)', '_page_of_' || p_name);
  return true;
end
$$;
comment on function dbkit.unregister_list(text) is
  'Takes a list away from page_list; its table stays. Returns whether it was there. Needs super_admin.
Raises KD003, KD004 (not READ COMMITTED).';
grant execute on function dbkit.unregister_list(text) to super_admin;
