alter table dbkit.event_consumer_blocked_streams enable row level security;
alter table dbkit.event_consumer_blocked_streams force row level security;
create policy event_consumer_blocked_streams_service on dbkit.event_consumer_blocked_streams
for select to service_role, super_admin using (true);
create policy event_consumer_blocked_streams_owner on dbkit.event_consumer_blocked_streams
to current_user using (true) with check (true);
