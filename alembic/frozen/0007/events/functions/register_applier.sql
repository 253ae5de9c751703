create or replace function dbkit.register_applier(
  p_aggregate_type text,
  p_applier text,
  p_applier_version int default 1
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering an applier');
  perform dbkit._register_applier(p_aggregate_type, p_applier, p_applier_version);
end
$$;
comment on function dbkit.register_applier(text, text, int) is
  'Registers, or replaces, what folds the events of an aggregate type into its state:
schema.function(jsonb, dbkit.event_store) returning jsonb, from the state before ({} before the first
event) and an event, brought to its newest schema version, to the state after, which must not be a null of
SQL. It should depend on its arguments only; write it IMMUTABLE, and qualify the names in it. Raise
p_applier_version when it gives other states without its own text having changed: snapshots made before are
then not used. It runs with the rights of whoever reads, and of dbkit''s owner for snapshots, and so must
be executable by authenticated, service_role, super_admin and the owner. Needs super_admin. Raises KD003,
KD508.';
grant execute on function dbkit.register_applier(text, text, int) to super_admin;
