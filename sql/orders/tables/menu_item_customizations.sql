-- The tree is kept sound without triggers: a row's level is its parent's plus one, by a foreign key that
-- holds the level too. So groups and options alternate, nothing hangs on another item's tree, and a
-- loop is impossible. Four levels, so that answers have a shape that JSON Schema can say in full.
create table dbkit.menu_item_customizations (
  id bigint generated always as identity primary key,
  store_id bigint not null,
  menu_item_id bigint not null,
  parent_id bigint,
  level smallint not null check (level between 0 and 3),
  parent_level smallint generated always as (level - 1) stored,
  ingredient_template_id bigint references dbkit.ingredient_templates (id) on delete set null,
  name text not null check (length(name) between 1 and 200),
  price_delta numeric(12, 2) not null default 0,
  min_select smallint not null default 0 check (min_select >= 0),
  max_select smallint not null default 1 check (max_select >= 1),
  position int not null default 0,
  is_default boolean not null default false,
  is_active boolean not null default true,
  is_available boolean not null default true,
  check (min_select <= max_select),
  check ((level = 0) = (parent_id is null)),
  check (level in (1, 3) or (price_delta = 0 and not is_default)),
  unique (id, level, menu_item_id),
  foreign key (store_id, menu_item_id) references dbkit.menu_items (store_id, id) on delete cascade,
  foreign key (parent_id, parent_level, menu_item_id)
    references dbkit.menu_item_customizations (id, level, menu_item_id) on delete cascade
);
comment on table dbkit.menu_item_customizations is
  'Choices of an item, as a tree: groups (level 0) with options (1), which may carry sub-groups (2) with
options (3).';
comment on column dbkit.menu_item_customizations.parent_id is
  'The group that an option is in; the option that a sub-group belongs to; NULL for a group of level 0.';
comment on column dbkit.menu_item_customizations.level is
  '0 group, 1 its option, 2 sub-group of an option, 3 its option.';
comment on column dbkit.menu_item_customizations.parent_level is 'For the foreign key alone.';
comment on column dbkit.menu_item_customizations.price_delta is
  'Of an option: added to the price of the item; may be negative.';
comment on column dbkit.menu_item_customizations.min_select is
  'Of a group: how many options must be chosen at least; 1 or more makes it required.';
comment on column dbkit.menu_item_customizations.max_select is
  'Of a group: how many options may be chosen at most.';
comment on column dbkit.menu_item_customizations.position is 'Place below its parent, lowest first.';
comment on column dbkit.menu_item_customizations.is_default is
  'Of an option: taken when an order says nothing about customizations, as v1 orders never do.';
comment on column dbkit.menu_item_customizations.is_active is
  'False: neither it nor anything below it is shown or sold.';
comment on column dbkit.menu_item_customizations.is_available is
  'Of an option: false shows it as sold out; orders with it are refused (KD408).';
create index idx_menu_item_customizations_item
on dbkit.menu_item_customizations (menu_item_id, level, position, id);
create index idx_menu_item_customizations_store
on dbkit.menu_item_customizations (store_id, menu_item_id);
create index idx_menu_item_customizations_parent
on dbkit.menu_item_customizations (parent_id, position, id);
create index idx_menu_item_customizations_template
on dbkit.menu_item_customizations (ingredient_template_id)
where ingredient_template_id is not null;
grant select on dbkit.menu_item_customizations to anon, authenticated;
grant select, insert, update, delete on dbkit.menu_item_customizations to service_role, super_admin;
