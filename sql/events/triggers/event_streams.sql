-- Appending updates a head; nothing deletes one. ENABLE ALWAYS: also under session_replication_role =
-- replica.
create trigger event_streams_are_not_deleted
before delete on dbkit.event_streams
for each row execute function dbkit._refuse_event_change();
alter table dbkit.event_streams enable always trigger event_streams_are_not_deleted;
create trigger event_streams_is_not_truncated
before truncate on dbkit.event_streams
for each statement execute function dbkit._refuse_event_change();
alter table dbkit.event_streams enable always trigger event_streams_is_not_truncated;
