alter table dbkit.event_delivery_queues enable row level security;
alter table dbkit.event_delivery_queues force row level security;
create policy event_delivery_queues_service on dbkit.event_delivery_queues
for select to service_role, super_admin using (true);
create policy event_delivery_queues_owner on dbkit.event_delivery_queues
to current_user using (true) with check (true);
