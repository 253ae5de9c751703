create or replace function dbkit.unregister_rpc(p_name text, p_version text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a call');
  return dbkit._unregister_rpc(p_name, p_version);
end
$$;
comment on function dbkit.unregister_rpc(text, text) is
  'Takes a call out of a version; an older version''s handler may then serve it. Returns whether it was
there. The handler itself stays. Needs super_admin (KD003).';
grant execute on function dbkit.unregister_rpc(text, text) to super_admin;
