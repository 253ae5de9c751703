create or replace function dbkit.unregister_command(p_command text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a command');
  perform dbkit._lock_registry();
  delete from dbkit.command_definitions d where d.command = p_command;
  if not found then
    return false;
  end if;
  perform dbkit._generate_commands();
  return true;
end
$$;
comment on function dbkit.unregister_command(text) is
  'Takes a command away; its log and its handler stay. Returns whether it was there.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED).';
grant execute on function dbkit.unregister_command(text) to super_admin;
