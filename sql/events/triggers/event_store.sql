-- ENABLE ALWAYS: also under session_replication_role = replica. A row trigger reaches every partition,
-- also when one is named directly; the truncate trigger must be made on each (doctor and verify_events look).
create trigger event_store_is_immutable
before update or delete on dbkit.event_store
for each row execute function dbkit._refuse_event_change();
alter table dbkit.event_store enable always trigger event_store_is_immutable;
create trigger event_store_is_not_truncated
before truncate on dbkit.event_store
for each statement execute function dbkit._refuse_event_change();
alter table dbkit.event_store enable always trigger event_store_is_not_truncated;
