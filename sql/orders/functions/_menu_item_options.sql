-- Plain SQL, so that a query which uses it is planned as one. That parent and child belong to one item
-- is a foreign key's business; it is said again for the planner, who then reads one item by one index.
create or replace function dbkit._menu_item_options(p_menu_item_id bigint)
returns table (
  option_id bigint,
  name text,
  price_delta numeric,
  is_available boolean,
  is_default boolean,
  group_id bigint,
  group_name text,
  parent_option_id bigint,
  place bigint
)
language sql
stable
as $$
  select
    o.id, o.name, o.price_delta, o.is_available,
    o.is_default and o.is_available and coalesce(above.is_default and above.is_available, true),
    g.id, g.name, g.parent_id,
    row_number() over (order by g.level, g.position, g.id, o.position, o.id)
  from dbkit.menu_item_customizations o
  join dbkit.menu_item_customizations g
    on g.id = o.parent_id and g.menu_item_id = o.menu_item_id and g.is_active
  left join dbkit.menu_item_customizations above on above.id = g.parent_id
  left join dbkit.menu_item_customizations top on top.id = above.parent_id
  where o.menu_item_id = p_menu_item_id
    and o.level in (1, 3)
    and o.is_active
    and (g.level = 0 or above.is_active and top.is_active)
$$;
comment on function dbkit._menu_item_options(bigint) is
  'The options of an item that are on the menu, that is, active up to the root of the tree.
is_default: taken when an order says nothing. parent_option_id: the option that a sub-group hangs on.';
