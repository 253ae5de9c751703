-- Written by _place_order and _change_order_status alone. The service may add whole rows (a demo, a
-- restore) and amend contacts, but has no right on the status: the transition table is never passed by.
create table dbkit.orders (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default',
  store_id bigint not null,
  customer_id bigint references dbkit.customers (id),
  user_id text check (length(user_id) between 1 and 200),
  guest_token_hash bytea check (length(guest_token_hash) = 32),
  customer_name text check (length(customer_name) between 1 and 200),
  customer_phone text check (length(customer_phone) between 3 and 40),
  customer_email text check (length(customer_email) between 3 and 320),
  status text not null default 'pending'
    check (status in ('pending', 'confirmed', 'preparing', 'ready', 'completed', 'cancelled')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  tax_rate numeric(6, 5) not null check (tax_rate >= 0 and tax_rate < 1),
  subtotal numeric(12, 2) not null check (subtotal >= 0),
  tax numeric(12, 2) not null check (tax >= 0),
  total numeric(12, 2) not null,
  source_region text references dbkit.regions (id),
  api_version text not null check (api_version ~ '^v[0-9]{1,6}$'),
  created_at timestamptz not null default dbkit.clock(),
  status_changed_at timestamptz not null default dbkit.clock(),
  completed_at timestamptz,
  check (total = subtotal + tax),
  check ((status = 'completed') = (completed_at is not null)),
  foreign key (organization_id, store_id) references dbkit.stores (organization_id, id)
);
comment on table dbkit.orders is
  'Orders, the same shape whichever API version made them. A user reads their own, staff those of their
store; guests none, except through get_order with their token.';
comment on column dbkit.orders.customer_id is 'NULL for a guest''s order.';
comment on column dbkit.orders.user_id is
  'That of the customer, repeated so that a policy compares one indexed column; NULL for a guest''s order.';
comment on column dbkit.orders.guest_token_hash is
  'sha256 of the token that a guest got; the token itself is kept nowhere.';
comment on column dbkit.orders.customer_name is 'Contact as it was when ordered; so are phone and e-mail.';
comment on column dbkit.orders.currency is
  'Copied from the store, as tax_rate is: later changes do not apply.';
comment on column dbkit.orders.subtotal is 'Sum of the lines, before tax.';
comment on column dbkit.orders.tax is 'round(subtotal * tax_rate, 2), half up, once an order.';
comment on column dbkit.orders.source_region is 'Region that the client was served in; NULL when not known.';
comment on column dbkit.orders.api_version is 'Version of place_order that made it.';
comment on column dbkit.orders.status_changed_at is 'Since when it has its status; tells stuck orders.';
create index idx_orders_source_region on dbkit.orders (source_region);
create index idx_orders_created on dbkit.orders (created_at desc, id desc);
create index idx_orders_store_created on dbkit.orders (store_id, created_at desc, id desc);
create index idx_orders_store_status_created
on dbkit.orders (store_id, status, created_at desc, id desc);
create index idx_orders_user_created on dbkit.orders (user_id, created_at desc, id desc)
where user_id is not null;
create index idx_orders_customer on dbkit.orders (customer_id) where customer_id is not null;
create index idx_orders_stuck on dbkit.orders (status, status_changed_at)
where status in ('preparing', 'ready');
grant select on dbkit.orders to authenticated;
grant select, insert, delete on dbkit.orders to service_role, super_admin;
grant update (customer_name, customer_phone, customer_email) on dbkit.orders
to service_role, super_admin;
