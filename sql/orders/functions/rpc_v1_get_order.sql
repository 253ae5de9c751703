create or replace function dbkit.rpc_v1_get_order(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_order jsonb := dbkit._readable_order(p_payload);
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'status', v_order -> 'status',
    'total', v_order #> '{totals,total}',
    'currency', v_order #> '{totals,currency}',
    'created_at', v_order -> 'created_at');
end
$$;
comment on function dbkit.rpc_v1_get_order(jsonb) is
  'get_order v1: {order_id, guest_token?} gives status and total. Raises KD401.';
grant execute on function dbkit.rpc_v1_get_order(jsonb)
to anon, authenticated, service_role, super_admin;
