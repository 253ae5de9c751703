alter table dbkit.order_items enable row level security;
alter table dbkit.order_items force row level security;
create policy order_items_reader on dbkit.order_items
for select to authenticated
using (exists (select from dbkit.orders o where o.id = order_id));
create policy order_items_service on dbkit.order_items
to service_role, super_admin using (true) with check (true);
create policy order_items_owner on dbkit.order_items
to current_user using (true) with check (true);
