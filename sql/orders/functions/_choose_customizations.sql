-- Two steps, in this order: each option for itself, then each group that the choice opens. The plans
-- are kept (the setting): planning them for each line took most of the time of an order.
create or replace function dbkit._choose_customizations(
  p_menu_item_id bigint,
  p_option_ids bigint[],
  p_field text
)
returns jsonb
language plpgsql
stable
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_ids bigint[] := coalesce(p_option_ids, array(
    select o.option_id from dbkit._menu_item_options(p_menu_item_id) o where o.is_default));
  v_bad record;
begin
  with options as materialized (
    select * from dbkit._menu_item_options(p_menu_item_id)
  )
  select w.id, o.name, o.is_available
  into v_bad
  from unnest(v_ids) with ordinality as w (id, nth)
  left join options o on o.option_id = w.id
  where o.option_id is null
    or not o.is_available
    or not coalesce(o.parent_option_id = any (v_ids), true)
    or w.id = any (v_ids[:w.nth - 1])
  order by w.nth
  limit 1;
  if found and v_bad.is_available is false then
    perform dbkit.raise_error('KD408', format('"%s" is sold out', v_bad.name),
      jsonb_build_object('field', p_field, 'item_id', p_menu_item_id, 'option_id', v_bad.id),
      'Order without this option.');
  elsif found then
    perform dbkit.raise_error('KD407', format('option %s cannot be chosen for item %s',
        coalesce(v_bad.id::text, 'null'), p_menu_item_id),
      jsonb_build_object('field', p_field, 'item_id', p_menu_item_id, 'option_id', v_bad.id),
      'Send each option once, options of this item only, and with a sub-option the option above it.');
  end if;

  select g.id, g.name, g.min_select, g.max_select, chosen.n
  into v_bad
  from dbkit.menu_item_customizations g
  cross join lateral (
    select count(*)::int as n
    from dbkit.menu_item_customizations o
    where o.parent_id = g.id and o.id = any (v_ids)
  ) as chosen
  where g.menu_item_id = p_menu_item_id
    and g.is_active
    and (g.level = 0 or g.level = 2 and g.parent_id = any (v_ids))
    and chosen.n not between g.min_select and g.max_select
  order by g.level, g.position, g.id
  limit 1;
  if found then
    perform dbkit.raise_error('KD409', format('"%s": choose %s, not %s', v_bad.name,
        case when v_bad.min_select = v_bad.max_select then v_bad.min_select::text
          else format('%s to %s', v_bad.min_select, v_bad.max_select) end, v_bad.n),
      jsonb_build_object('field', p_field, 'item_id', p_menu_item_id, 'group_id', v_bad.id,
        'min_select', v_bad.min_select, 'max_select', v_bad.max_select, 'chosen', v_bad.n),
      'get_menu_items (v3) lists the groups of each item with their options.');
  end if;

  return (
    select coalesce(jsonb_agg(jsonb_build_object('group_id', o.group_id, 'group', o.group_name,
      'option_id', o.option_id, 'name', o.name, 'price_delta', o.price_delta) order by o.place), '[]')
    from dbkit._menu_item_options(p_menu_item_id) o
    where o.option_id = any (v_ids)
  );
end
$$;
comment on function dbkit._choose_customizations(bigint, bigint[], text) is
  'Checks the chosen options of an item and returns them as order_items.customizations keeps them.
NULL for p_option_ids takes the defaults. Raises KD407, KD408, KD409; p_field goes into the detail.';
