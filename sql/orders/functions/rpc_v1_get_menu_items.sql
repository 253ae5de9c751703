create or replace function dbkit.rpc_v1_get_menu_items(p_payload jsonb)
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
    select coalesce(
      json_agg(
        json_build_object('id', i.id, 'name', i.name, 'price', i.price, 'category', c.name)
        order by c.store_id, c.position, c.id, i.position, i.id),
      '[]')::jsonb
    from dbkit.menu_categories c
    join dbkit.menu_items i on i.category_id = c.id and i.is_active and i.is_available
    where c.is_active and c.store_id = any (v_store_ids)
  );
end
$$;
comment on function dbkit.rpc_v1_get_menu_items(jsonb) is
  'get_menu_items v1: {store_id?} gives the menu as a flat list. What is sold out is left out, since v1 has
no word for it.';
grant execute on function dbkit.rpc_v1_get_menu_items(jsonb)
to anon, authenticated, service_role, super_admin;
