alter table dbkit.command_log enable row level security;
alter table dbkit.command_log force row level security;
create policy command_log_service on dbkit.command_log
for select to service_role, super_admin using (true);
create policy command_log_owner on dbkit.command_log
to current_user using (true) with check (true);
