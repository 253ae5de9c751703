alter table dbkit.order_status_history enable row level security;
alter table dbkit.order_status_history force row level security;
create policy order_status_history_reader on dbkit.order_status_history
for select to authenticated
using (exists (select from dbkit.orders o where o.id = order_id));
create policy order_status_history_service on dbkit.order_status_history
to service_role, super_admin using (true) with check (true);
create policy order_status_history_owner on dbkit.order_status_history
to current_user using (true) with check (true);
