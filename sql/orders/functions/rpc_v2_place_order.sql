create or replace function dbkit.rpc_v2_place_order(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_order jsonb := dbkit._place_order(jsonb_build_object(
    'api_version', 'v2',
    'store_id', p_payload -> 'store_id',
    'items', p_payload -> 'items',
    'customer', p_payload -> 'customer'));
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'status', v_order -> 'status',
    'total', v_order #> '{totals,total}',
    'currency', v_order #> '{totals,currency}',
    'items', v_order -> 'items',
    'guest_token', v_order -> 'guest_token');
end
$$;
comment on function dbkit.rpc_v2_place_order(jsonb) is
  'place_order v2: {store_id, items: [{item_id, quantity, customizations?: [option ids]}], customer?: {name,
phone, email}}. Errors as _place_order.';
grant execute on function dbkit.rpc_v2_place_order(jsonb)
to anon, authenticated, service_role, super_admin;
