alter table dbkit.menu_categories enable row level security;
alter table dbkit.menu_categories force row level security;
create policy menu_categories_public on dbkit.menu_categories
for select to anon, authenticated
using (
  is_active and exists (select from dbkit.stores s where s.id = store_id and s.is_active)
);
create policy menu_categories_service on dbkit.menu_categories
to service_role, super_admin using (true) with check (true);
create policy menu_categories_owner on dbkit.menu_categories
to current_user using (true) with check (true);
