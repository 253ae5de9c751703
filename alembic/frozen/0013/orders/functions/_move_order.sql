-- What every change of a status does, whoever decided on it. The caller has locked the order and asked
-- order_status_transitions. Locks: the head of the order's stream.
create or replace function dbkit._move_order(
  p_order dbkit.orders,
  p_status text,
  p_actor text,
  p_user_id text,
  p_reason text,
  p_changed_at timestamptz
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._import_order_stream(p_order);
  update dbkit.orders o
  set status = p_status,
    status_changed_at = p_changed_at,
    completed_at = case when p_status = 'completed' then p_changed_at end
  where o.id = p_order.id;
  insert into dbkit.order_status_history (order_id, from_status, to_status, actor, user_id, reason)
  values (p_order.id, p_order.status, p_status, p_actor, p_user_id, left(p_reason, 500));
  perform dbkit._append_order_status_changed(p_order, p_status, p_actor, p_user_id, left(p_reason, 500));
end
$$;
comment on function dbkit._move_order(dbkit.orders, text, text, text, text, timestamptz) is
  'Gives a locked order another status as of p_changed_at, appends to order_status_history and
OrderStatusChanged to the stream order/<id>. p_order: as it was.';
