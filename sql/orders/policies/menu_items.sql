alter table dbkit.menu_items enable row level security;
alter table dbkit.menu_items force row level security;
create policy menu_items_public on dbkit.menu_items
for select to anon, authenticated
using (
  is_active and exists (select from dbkit.menu_categories c where c.id = category_id)
);
create policy menu_items_service on dbkit.menu_items
to service_role, super_admin using (true) with check (true);
create policy menu_items_owner on dbkit.menu_items
to current_user using (true) with check (true);
