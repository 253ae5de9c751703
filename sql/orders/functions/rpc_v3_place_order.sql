create or replace function dbkit.rpc_v3_place_order(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_order jsonb := dbkit._place_order(jsonb_build_object(
    'api_version', 'v3',
    'store_id', p_payload -> 'store_id',
    'items', p_payload -> 'items',
    'customer', p_payload -> 'customer',
    'source_region', p_payload -> 'source_region'));
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'status', v_order -> 'status',
    'items', v_order -> 'items',
    'totals', v_order -> 'totals',
    'source_region', v_order -> 'source_region',
    'created_at', v_order -> 'created_at',
    'guest_token', v_order -> 'guest_token');
end
$$;
comment on function dbkit.rpc_v3_place_order(jsonb) is
  'place_order v3: as v2, with source_region (else that of the request context) and the totals taken apart.
idempotency_key is the router''s business. Errors as _place_order, and KD414 for an unknown region.';
grant execute on function dbkit.rpc_v3_place_order(jsonb)
to anon, authenticated, service_role, super_admin;
