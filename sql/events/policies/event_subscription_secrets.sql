alter table dbkit.event_subscription_secrets enable row level security;
alter table dbkit.event_subscription_secrets force row level security;
create policy event_subscription_secrets_owner on dbkit.event_subscription_secrets
to current_user using (true) with check (true);
