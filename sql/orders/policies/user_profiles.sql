alter table dbkit.user_profiles enable row level security;
alter table dbkit.user_profiles force row level security;
create policy user_profiles_self on dbkit.user_profiles
for select to authenticated using (user_id = (select dbkit.context_value('user_id')));
create policy user_profiles_service on dbkit.user_profiles
to service_role, super_admin using (true) with check (true);
create policy user_profiles_owner on dbkit.user_profiles
to current_user using (true) with check (true);
