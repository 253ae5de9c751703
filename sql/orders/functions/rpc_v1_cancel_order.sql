create or replace function dbkit.rpc_v1_cancel_order(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_order jsonb := dbkit._change_order_status((p_payload ->> 'order_id')::bigint, 'cancelled',
    p_payload ->> 'guest_token', p_payload ->> 'reason');
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'previous_status', v_order -> 'previous_status',
    'status', v_order -> 'status',
    'status_changed_at', v_order -> 'status_changed_at');
end
$$;
comment on function dbkit.rpc_v1_cancel_order(jsonb) is
  'cancel_order v1 and v2: {order_id, guest_token?, reason?}. Raises KD401, KD412.';
grant execute on function dbkit.rpc_v1_cancel_order(jsonb)
to anon, authenticated, service_role, super_admin;
