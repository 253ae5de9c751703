-- The time of the status is put back too: the order is as old as it is. Locks: the order, then the head of
-- its stream.
create or replace function dbkit._undo_order_heal(p_subject text, p_before jsonb, p_after jsonb)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_order dbkit.orders;
begin
  perform dbkit.require_service('undoing a healing');
  select * into v_order from dbkit.orders o where o.id = p_subject::bigint for update;
  if v_order.id is null then
    return 'the order is gone';
  elsif v_order.status <> p_after ->> 'status'
    or v_order.status_changed_at <> (p_after ->> 'status_changed_at')::timestamptz
  then
    return format('the order has moved on: it is %s since %s', v_order.status, v_order.status_changed_at);
  end if;
  perform dbkit._move_order(v_order, p_before ->> 'status', 'auto_heal', null, 'undone: the healing was wrong',
    (p_before ->> 'status_changed_at')::timestamptz);
  return null;
end
$$;
comment on function dbkit._undo_order_heal(text, jsonb, jsonb) is
  'undo_function of the heal rules of orders: gives an order its status and the time of it back, unless it has
moved on. Returns why it did not, NULL when it did. Needs service_role. Raises KD003.';
grant execute on function dbkit._undo_order_heal(text, jsonb, jsonb) to service_role, super_admin;
