alter table dbkit.orders enable row level security;
alter table dbkit.orders force row level security;
create policy orders_customer on dbkit.orders
for select to authenticated using (user_id = (select dbkit.context_value('user_id')));
create policy orders_staff on dbkit.orders
for select to authenticated
using (
  store_id in (
    select p.store_id
    from dbkit.user_profiles p
    where p.user_id = (select dbkit.context_value('user_id'))
      and p.role in ('staff', 'manager', 'admin')
  )
);
create policy orders_service on dbkit.orders
to service_role, super_admin using (true) with check (true);
create policy orders_owner on dbkit.orders
to current_user using (true) with check (true);
