create or replace function dbkit._price_order_line(p_store_id bigint, p_line jsonb, p_field text)
returns jsonb
language plpgsql
stable
as $$
declare
  v_item_id bigint := (p_line ->> 'item_id')::bigint;
  v_quantity bigint := (p_line ->> 'quantity')::bigint;
  v_options bigint[];
  v_item record;
  v_chosen jsonb;
  v_price numeric;
begin
  select i.name, i.price, i.store_id, i.is_available
  into v_item
  from dbkit.menu_items i
  join dbkit.menu_categories c on c.id = i.category_id and c.is_active
  join dbkit.stores s on s.id = i.store_id and s.is_active
  where i.id = v_item_id and i.is_active;
  if not found then
    perform dbkit.raise_error('KD404',
      format('there is no item %s on the menu', coalesce(v_item_id::text, 'null')),
      jsonb_build_object('field', p_field || '/item_id', 'item_id', v_item_id),
      'get_menu_items lists the menu.');
  elsif v_item.store_id <> p_store_id then
    perform dbkit.raise_error('KD405',
      format('item %s is not sold by store %s', v_item_id, p_store_id),
      jsonb_build_object('field', p_field || '/item_id', 'item_id', v_item_id,
        'store_id', p_store_id, 'item_store_id', v_item.store_id),
      'Place one order for each store.');
  elsif not v_item.is_available then
    perform dbkit.raise_error('KD406', format('"%s" is sold out', v_item.name),
      jsonb_build_object('field', p_field || '/item_id', 'item_id', v_item_id),
      'Read the menu again: what is sold out has available = false.');
  elsif v_quantity is null or v_quantity not between 1 and 999 then
    perform dbkit.raise_error('KD410', 'a quantity must be between 1 and 999',
      jsonb_build_object('field', p_field || '/quantity', 'quantity', v_quantity));
  elsif p_line ? 'customizations' then
    if jsonb_typeof(p_line -> 'customizations') <> 'array' then
      perform dbkit.raise_error('KD407', 'customizations must be a list of option ids',
        jsonb_build_object('field', p_field || '/customizations'));
    end if;
    v_options := array(select o::bigint from jsonb_array_elements_text(p_line -> 'customizations') o);
  end if;
  v_chosen := dbkit._choose_customizations(v_item_id, v_options, p_field || '/customizations');
  v_price := greatest(0, v_item.price
    + (select coalesce(sum((c ->> 'price_delta')::numeric), 0) from jsonb_array_elements(v_chosen) c));
  return jsonb_build_object('menu_item_id', v_item_id, 'name', v_item.name, 'customizations', v_chosen,
    'unit_price', v_price, 'quantity', v_quantity, 'line_total', v_price * v_quantity);
end
$$;
comment on function dbkit._price_order_line(bigint, jsonb, text) is
  'One line of an order, {item_id, quantity, customizations?}, checked and priced from the menu; whatever
the payload says of prices is not looked at. Returns the columns of order_items as an object. Raises
KD404 to KD410; p_field, such as items/0, goes into the detail.';
