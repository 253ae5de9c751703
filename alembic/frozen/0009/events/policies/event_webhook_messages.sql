alter table dbkit.event_webhook_messages enable row level security;
alter table dbkit.event_webhook_messages force row level security;
create policy event_webhook_messages_service on dbkit.event_webhook_messages
for select to service_role, super_admin using (true);
create policy event_webhook_messages_owner on dbkit.event_webhook_messages
to current_user using (true) with check (true);
