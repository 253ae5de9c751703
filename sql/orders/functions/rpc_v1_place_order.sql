create or replace function dbkit.rpc_v1_place_order(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_order jsonb := dbkit._place_order(jsonb_build_object(
    'api_version', 'v1',
    'store_id', p_payload -> 'store_id',
    'items', jsonb_build_array(jsonb_build_object(
      'item_id', p_payload -> 'item_id', 'quantity', p_payload -> 'quantity')),
    'customer', jsonb_build_object(
      'name', p_payload -> 'customer_name', 'phone', p_payload -> 'customer_phone')));
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'status', v_order -> 'status',
    'total', v_order #> '{totals,total}',
    'currency', v_order #> '{totals,currency}',
    'guest_token', v_order -> 'guest_token');
end
$$;
comment on function dbkit.rpc_v1_place_order(jsonb) is
  'place_order v1: {store_id, item_id, quantity, customer_name, customer_phone}, one item with its default
options. Errors as _place_order.';
grant execute on function dbkit.rpc_v1_place_order(jsonb)
to anon, authenticated, service_role, super_admin;
