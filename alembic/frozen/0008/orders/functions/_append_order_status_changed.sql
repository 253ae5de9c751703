create or replace function dbkit._append_order_status_changed(
  p_before dbkit.orders,
  p_status text,
  p_actor text,
  p_user_id text,
  p_reason text
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._append_events(p_before.organization_id, p_user_id, 'order', p_before.id::text,
    jsonb_build_array(jsonb_build_object('event_type', 'OrderStatusChanged',
      'event_data', jsonb_build_object('order_id', p_before.id, 'store_id', p_before.store_id,
        'day', (p_before.created_at at time zone 'UTC')::date, 'from_status', p_before.status,
        'to_status', p_status, 'actor', p_actor, 'reason', p_reason, 'total', p_before.total))));
end
$$;
comment on function dbkit._append_order_status_changed(dbkit.orders, text, text, text, text) is
  'Appends OrderStatusChanged {order_id, store_id, day, from_status, to_status, actor, reason, total} in the
transaction of the change; p_before is the order as it was.';
