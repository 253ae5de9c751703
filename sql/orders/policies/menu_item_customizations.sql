alter table dbkit.menu_item_customizations enable row level security;
alter table dbkit.menu_item_customizations force row level security;
create policy menu_item_customizations_public on dbkit.menu_item_customizations
for select to anon, authenticated
using (
  is_active and exists (select from dbkit.menu_items i where i.id = menu_item_id)
);
create policy menu_item_customizations_service on dbkit.menu_item_customizations
to service_role, super_admin using (true) with check (true);
create policy menu_item_customizations_owner on dbkit.menu_item_customizations
to current_user using (true) with check (true);
