alter table dbkit.event_subject_receipts enable row level security;
alter table dbkit.event_subject_receipts force row level security;
create policy event_subject_receipts_service on dbkit.event_subject_receipts
for select to service_role, super_admin using (true);
create policy event_subject_receipts_owner on dbkit.event_subject_receipts
to current_user using (true) with check (true);
