alter table dbkit.event_snapshot_requests enable row level security;
alter table dbkit.event_snapshot_requests force row level security;
create policy event_snapshot_requests_service on dbkit.event_snapshot_requests
for select to service_role, super_admin using (true);
create policy event_snapshot_requests_owner on dbkit.event_snapshot_requests
to current_user using (true) with check (true);
