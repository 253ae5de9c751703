-- The tree is put together level by level, from the leaves up, by hash joins: each node is read and
-- printed once. Measured for 20 items with 220 nodes (25 kB): this 0.84 ms, the same with jsonb_agg 1.9 ms,
-- since jsonb copies what is nested again at every level. json is cast once, at the end. The plan is
-- kept (the setting): planning anew, which the choice by cost prefers here, takes as long as running.
create or replace function dbkit.rpc_v3_get_menu_items(p_payload jsonb)
returns jsonb
language plpgsql
stable
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_store_ids bigint[] := array(
    select s.id
    from dbkit.stores s
    where s.is_active and (p_payload ->> 'store_id' is null or s.id = (p_payload ->> 'store_id')::bigint)
  );
begin
  return (
    with nodes as materialized (
      select n.id, n.menu_item_id, n.parent_id, n.level, n.position, n.name, n.price_delta,
        n.min_select, n.max_select, n.is_default, n.is_available
      from dbkit.menu_item_customizations n
      where n.is_active and n.store_id = any (v_store_ids)
    ), sub_options as (
      select n.parent_id as group_id,
        json_agg(
          json_build_object('id', n.id, 'name', n.name, 'price_delta', n.price_delta,
            'available', n.is_available, 'default', n.is_default)
          order by n.position, n.id) as list
      from nodes n
      where n.level = 3
      group by n.parent_id
    ), sub_groups as (
      select n.parent_id as option_id,
        json_agg(
          json_build_object('id', n.id, 'name', n.name, 'min_select', n.min_select,
            'max_select', n.max_select, 'options', coalesce(o.list, '[]'))
          order by n.position, n.id) as list
      from nodes n
      left join sub_options o on o.group_id = n.id
      where n.level = 2
      group by n.parent_id
    ), options as (
      select n.parent_id as group_id,
        json_agg(
          json_build_object('id', n.id, 'name', n.name, 'price_delta', n.price_delta,
            'available', n.is_available, 'default', n.is_default,
            'customizations', coalesce(g.list, '[]'))
          order by n.position, n.id) as list
      from nodes n
      left join sub_groups g on g.option_id = n.id
      where n.level = 1
      group by n.parent_id
    ), groups as (
      select n.menu_item_id,
        json_agg(
          json_build_object('id', n.id, 'name', n.name, 'min_select', n.min_select,
            'max_select', n.max_select, 'options', coalesce(o.list, '[]'))
          order by n.position, n.id) as list
      from nodes n
      left join options o on o.group_id = n.id
      where n.level = 0
      group by n.menu_item_id
    ), items as (
      select i.category_id,
        json_agg(
          json_build_object('id', i.id, 'name', i.name, 'description', i.description,
            'price', i.price, 'available', i.is_available,
            'customizations', coalesce(g.list, '[]'))
          order by i.position, i.id) as list
      from dbkit.menu_items i
      left join groups g on g.menu_item_id = i.id
      where i.is_active and i.store_id = any (v_store_ids)
      group by i.category_id
    )
    select json_build_object('categories', coalesce(
      json_agg(
        json_build_object('id', c.id, 'store_id', c.store_id, 'name', c.name, 'items', i.list)
        order by c.store_id, c.position, c.id),
      '[]'))::jsonb
    from dbkit.menu_categories c
    join items i on i.category_id = c.id
    where c.is_active and c.store_id = any (v_store_ids)
  );
end
$$;
comment on function dbkit.rpc_v3_get_menu_items(jsonb) is
  'get_menu_items v3: {store_id?} gives the menu by category, each item with its tree of customizations:
groups, their options, and the groups and options below an option.';
grant execute on function dbkit.rpc_v3_get_menu_items(jsonb)
to anon, authenticated, service_role, super_admin;
