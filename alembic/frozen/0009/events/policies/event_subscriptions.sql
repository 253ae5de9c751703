alter table dbkit.event_subscriptions enable row level security;
alter table dbkit.event_subscriptions force row level security;
create policy event_subscriptions_service on dbkit.event_subscriptions
for select to service_role, super_admin using (true);
create policy event_subscriptions_owner on dbkit.event_subscriptions
to current_user using (true) with check (true);
