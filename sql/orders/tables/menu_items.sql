create table dbkit.menu_items (
  id bigint generated always as identity primary key,
  store_id bigint not null,
  category_id bigint not null,
  name text not null check (length(name) between 1 and 200),
  description text check (length(description) <= 2000),
  price numeric(12, 2) not null check (price >= 0),
  position int not null default 0,
  is_active boolean not null default true,
  is_available boolean not null default true,
  unique (store_id, id),
  foreign key (store_id, category_id) references dbkit.menu_categories (store_id, id) on delete cascade
);
comment on table dbkit.menu_items is 'What a store sells. Orders are priced from here and nowhere else.';
comment on column dbkit.menu_items.price is 'Before tax and customizations, in the store''s currency.';
comment on column dbkit.menu_items.position is 'Place in its category, lowest first.';
comment on column dbkit.menu_items.is_active is 'False: taken off the menu; neither shown nor sold.';
comment on column dbkit.menu_items.is_available is 'False: shown as sold out, orders are refused (KD406).';
create index idx_menu_items_category on dbkit.menu_items (category_id, position, id);
grant select on dbkit.menu_items to anon, authenticated;
grant select, insert, update, delete on dbkit.menu_items to service_role, super_admin;
