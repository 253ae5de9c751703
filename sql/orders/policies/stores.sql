alter table dbkit.stores enable row level security;
alter table dbkit.stores force row level security;
create policy stores_public on dbkit.stores
for select to anon, authenticated using (is_active);
create policy stores_service on dbkit.stores
to service_role, super_admin using (true) with check (true);
create policy stores_owner on dbkit.stores
to current_user using (true) with check (true);
