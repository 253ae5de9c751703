alter table dbkit.customers enable row level security;
alter table dbkit.customers force row level security;
create policy customers_self on dbkit.customers
for select to authenticated using (user_id = (select dbkit.context_value('user_id')));
create policy customers_service on dbkit.customers
to service_role, super_admin using (true) with check (true);
create policy customers_owner on dbkit.customers
to current_user using (true) with check (true);
