-- A store says in which currency and with which tax rate its orders are reckoned. Tables below it
-- carry its id (and refer to it by two columns), so that a policy needs no join to know whose a row is.
create table dbkit.stores (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default' check (length(organization_id) between 1 and 200),
  name text not null check (length(name) between 1 and 200),
  address text,
  phone text,
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  tax_rate numeric(6, 5) not null default 0 check (tax_rate >= 0 and tax_rate < 1),
  is_active boolean not null default true,
  is_open boolean not null default true,
  created_at timestamptz not null default dbkit.clock(),
  unique (organization_id, name),
  unique (organization_id, id)
);
comment on table dbkit.stores is 'Restaurants. Anyone reads the active ones.';
comment on column dbkit.stores.organization_id is 'Tenant that the store belongs to.';
comment on column dbkit.stores.currency is
  'ISO 4217 code of every price of the store. Amounts are kept with two decimals in any currency.';
comment on column dbkit.stores.tax_rate is 'Share of the subtotal, 0.0825 for 8.25 %.';
comment on column dbkit.stores.is_active is 'False: the store and its menu are not shown.';
comment on column dbkit.stores.is_open is 'False: the menu is shown, orders are refused (KD403).';
grant select on dbkit.stores to anon, authenticated;
grant select, insert, update, delete on dbkit.stores to service_role, super_admin;
