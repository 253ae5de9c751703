create table dbkit.customers (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default' check (length(organization_id) between 1 and 200),
  user_id text check (length(user_id) between 1 and 200),
  name text check (length(name) between 1 and 200),
  phone text check (length(phone) between 3 and 40),
  email text check (length(email) between 3 and 320),
  created_at timestamptz not null default dbkit.clock(),
  unique (organization_id, user_id)
);
comment on table dbkit.customers is
  'People who order with an account. The first order makes the row; guests have none, an order keeps
their contact. A user reads their own row.';
comment on column dbkit.customers.user_id is
  'As in the request context; NULL for a customer without an account.';
create index idx_customers_user on dbkit.customers (user_id);
grant select on dbkit.customers to authenticated;
grant select, insert, update, delete on dbkit.customers to service_role, super_admin;
