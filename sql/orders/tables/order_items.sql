create table dbkit.order_items (
  id bigint generated always as identity primary key,
  order_id bigint not null references dbkit.orders (id) on delete cascade,
  position int not null check (position >= 1),
  menu_item_id bigint references dbkit.menu_items (id) on delete set null,
  name text not null,
  customizations jsonb not null default '[]' check (jsonb_typeof(customizations) = 'array'),
  unit_price numeric(12, 2) not null check (unit_price >= 0),
  quantity int not null check (quantity between 1 and 999),
  line_total numeric(12, 2) not null,
  check (line_total = unit_price * quantity),
  unique (order_id, position)
);
comment on table dbkit.order_items is
  'Lines of an order, as the menu was when it was made. Whoever reads the order reads them.';
comment on column dbkit.order_items.position is 'Place in the order, from 1.';
comment on column dbkit.order_items.menu_item_id is 'NULL when the item has been deleted since.';
comment on column dbkit.order_items.customizations is
  'What was chosen: [{"group_id", "group", "option_id", "name", "price_delta"}].';
comment on column dbkit.order_items.unit_price is
  'Price of one: the item''s and the price_delta of each chosen option, never below 0.';
create index idx_order_items_menu_item on dbkit.order_items (menu_item_id);
grant select on dbkit.order_items to authenticated;
grant select, insert, delete on dbkit.order_items to service_role, super_admin;
