create or replace view dbkit.events with (security_invoker = true) as
select
  e.position, e.version, e.created_at, e.event_id,
  dbkit._current_schema_version(e.event_type, e.schema_version) as schema_version,
  e.organization_id, e.aggregate_type, e.aggregate_id, e.event_type,
  dbkit._current_event_data(e.organization_id, e.event_type, e.schema_version, e.event_data) as event_data,
  e.metadata, e.correlation_id, e.causation_id, e.actor_id, e.hash
from dbkit.event_store e;
comment on view dbkit.events is
  'event_store as it reads today: each event brought to its newest schema version, and decrypted. Columns as
there. Rows that the caller may see; to follow new ones use read_all, which misses none.';
grant select on dbkit.events to authenticated, service_role, super_admin;
