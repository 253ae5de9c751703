alter table dbkit.alert_notifications enable row level security;
alter table dbkit.alert_notifications force row level security;
create policy alert_notifications_service on dbkit.alert_notifications
for select to service_role, super_admin using (true);
create policy alert_notifications_owner on dbkit.alert_notifications
to current_user using (true) with check (true);
