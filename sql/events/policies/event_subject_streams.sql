alter table dbkit.event_subject_streams enable row level security;
alter table dbkit.event_subject_streams force row level security;
create policy event_subject_streams_service on dbkit.event_subject_streams
for select to service_role, super_admin using (true);
create policy event_subject_streams_owner on dbkit.event_subject_streams
to current_user using (true) with check (true);
