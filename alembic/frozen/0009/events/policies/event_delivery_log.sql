alter table dbkit.event_delivery_log enable row level security;
alter table dbkit.event_delivery_log force row level security;
create policy event_delivery_log_service on dbkit.event_delivery_log
for select to service_role, super_admin using (true);
create policy event_delivery_log_owner on dbkit.event_delivery_log
to current_user using (true) with check (true);
