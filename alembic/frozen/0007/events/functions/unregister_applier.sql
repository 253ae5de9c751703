create or replace function dbkit.unregister_applier(p_aggregate_type text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering an applier');
  perform dbkit._lock_registry();
  update dbkit.event_aggregate_types t
  set applier_signature = null, applier_version = 1, registered_at = dbkit.clock(),
    registered_by = dbkit.caller_role()
  where t.aggregate_type = p_aggregate_type and t.applier_signature is not null;
  if not found then
    return false;
  end if;
  delete from dbkit.event_aggregate_types t
  where t.aggregate_type = p_aggregate_type and t.snapshot_every = 100 and not t.is_chained;
  delete from dbkit.event_snapshot_requests r where r.aggregate_type = p_aggregate_type;
  perform dbkit._generate_event_functions();
  return true;
end
$$;
comment on function dbkit.unregister_applier(text) is
  'Takes the applier of an aggregate type away; whether there was one. Events and snapshots stay, and what
configure_aggregate said. Needs super_admin (KD003).';
grant execute on function dbkit.unregister_applier(text) to super_admin;
