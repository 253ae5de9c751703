create table dbkit.order_status_history (
  id bigint generated always as identity primary key,
  order_id bigint not null references dbkit.orders (id) on delete cascade,
  from_status text,
  to_status text not null
    check (to_status in ('pending', 'confirmed', 'preparing', 'ready', 'completed', 'cancelled')),
  actor text not null check (actor in ('customer', 'staff', 'manager', 'service', 'auto_heal')),
  user_id text,
  reason text check (length(reason) <= 500),
  changed_at timestamptz not null default dbkit.clock()
);
comment on table dbkit.order_status_history is
  'Every status that an order had, append-only. Whoever reads the order reads it.';
comment on column dbkit.order_status_history.from_status is 'NULL for the first row, made with the order.';
comment on column dbkit.order_status_history.actor is 'In which capacity; see order_status_transitions.';
comment on column dbkit.order_status_history.user_id is 'Who, as in the request context; NULL for a guest.';
create index idx_order_status_history_order on dbkit.order_status_history (order_id, id);
grant select on dbkit.order_status_history to authenticated;
grant select, insert on dbkit.order_status_history to service_role, super_admin;
