create or replace function dbkit.rpc_v2_get_menu_items(p_payload jsonb)
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
    select json_build_object('categories', coalesce(
      json_agg(
        json_build_object('id', c.id, 'store_id', c.store_id, 'name', c.name, 'items', items.list)
        order by c.store_id, c.position, c.id),
      '[]'))::jsonb
    from dbkit.menu_categories c
    join (
      select i.category_id,
        json_agg(
          json_build_object('id', i.id, 'name', i.name, 'description', i.description,
            'price', i.price, 'available', i.is_available)
          order by i.position, i.id) as list
      from dbkit.menu_items i
      where i.is_active and i.store_id = any (v_store_ids)
      group by i.category_id
    ) as items on items.category_id = c.id
    where c.is_active and c.store_id = any (v_store_ids)
  );
end
$$;
comment on function dbkit.rpc_v2_get_menu_items(jsonb) is
  'get_menu_items v2: {store_id?} gives the menu by category, with what is sold out marked so.';
grant execute on function dbkit.rpc_v2_get_menu_items(jsonb)
to anon, authenticated, service_role, super_admin;
