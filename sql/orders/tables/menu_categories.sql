create table dbkit.menu_categories (
  id bigint generated always as identity primary key,
  store_id bigint not null references dbkit.stores (id) on delete cascade,
  name text not null check (length(name) between 1 and 200),
  position int not null default 0,
  is_active boolean not null default true,
  unique (store_id, name),
  unique (store_id, id)
);
comment on table dbkit.menu_categories is 'Headings of a store''s menu.';
comment on column dbkit.menu_categories.position is 'Place in the menu, lowest first.';
comment on column dbkit.menu_categories.is_active is
  'False: neither the category nor its items are shown or sold.';
create index idx_menu_categories_order on dbkit.menu_categories (store_id, position, id);
grant select on dbkit.menu_categories to anon, authenticated;
grant select, insert, update, delete on dbkit.menu_categories to service_role, super_admin;
