alter table dbkit.event_subject_keys enable row level security;
alter table dbkit.event_subject_keys force row level security;
create policy event_subject_keys_service on dbkit.event_subject_keys
for select to service_role, super_admin using (true);
create policy event_subject_keys_owner on dbkit.event_subject_keys
to current_user using (true) with check (true);
