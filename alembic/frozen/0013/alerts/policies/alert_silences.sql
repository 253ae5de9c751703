alter table dbkit.alert_silences enable row level security;
alter table dbkit.alert_silences force row level security;
create policy alert_silences_service on dbkit.alert_silences
for select to service_role, super_admin using (true);
create policy alert_silences_owner on dbkit.alert_silences
to current_user using (true) with check (true);
