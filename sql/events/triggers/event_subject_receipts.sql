-- A receipt is proof. ENABLE ALWAYS: also under session_replication_role = replica.
create trigger event_subject_receipts_are_immutable
before update or delete on dbkit.event_subject_receipts
for each row execute function dbkit._refuse_event_change();
alter table dbkit.event_subject_receipts enable always trigger event_subject_receipts_are_immutable;
create trigger event_subject_receipts_is_not_truncated
before truncate on dbkit.event_subject_receipts
for each statement execute function dbkit._refuse_event_change();
alter table dbkit.event_subject_receipts enable always trigger event_subject_receipts_is_not_truncated;
