alter table dbkit.alert_history enable row level security;
alter table dbkit.alert_history force row level security;
create policy alert_history_service on dbkit.alert_history
for select to service_role, super_admin using (true);
create policy alert_history_owner on dbkit.alert_history
to current_user using (true) with check (true);
