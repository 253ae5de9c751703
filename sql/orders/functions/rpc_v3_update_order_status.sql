create or replace function dbkit.rpc_v3_update_order_status(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_order jsonb := dbkit._change_order_status(
    (p_payload ->> 'order_id')::bigint, p_payload ->> 'status', null, p_payload ->> 'reason');
begin
  return jsonb_build_object(
    'order_id', v_order -> 'order_id',
    'previous_status', v_order -> 'previous_status',
    'status', v_order -> 'status',
    'status_changed_at', v_order -> 'status_changed_at',
    'history', v_order -> 'history');
end
$$;
comment on function dbkit.rpc_v3_update_order_status(jsonb) is
  'update_order_status v3: as v1, and the order''s history. Raises KD401, KD412.';
grant execute on function dbkit.rpc_v3_update_order_status(jsonb)
to authenticated, service_role, super_admin;
