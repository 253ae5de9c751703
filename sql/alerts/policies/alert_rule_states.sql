alter table dbkit.alert_rule_states enable row level security;
alter table dbkit.alert_rule_states force row level security;
create policy alert_rule_states_service on dbkit.alert_rule_states
for select to service_role, super_admin using (true);
create policy alert_rule_states_owner on dbkit.alert_rule_states
to current_user using (true) with check (true);
