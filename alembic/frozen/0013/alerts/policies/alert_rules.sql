alter table dbkit.alert_rules enable row level security;
alter table dbkit.alert_rules force row level security;
create policy alert_rules_service on dbkit.alert_rules
for select to service_role, super_admin using (true);
create policy alert_rules_owner on dbkit.alert_rules
to current_user using (true) with check (true);
