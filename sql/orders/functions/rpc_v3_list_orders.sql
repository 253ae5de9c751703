create or replace function dbkit.rpc_v3_list_orders(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_page record := dbkit._page_orders(p_payload);
begin
  return (
    select jsonb_build_object(
      'orders', coalesce(
        jsonb_agg(
          jsonb_build_object('order_id', o.id, 'status', o.status, 'total', o.total,
            'currency', o.currency, 'created_at', o.created_at,
            'store_id', o.store_id, 'customer_name', o.customer_name, 'item_count', pieces.count,
            'source_region', o.source_region, 'history', steps.history)
          order by o.created_at desc, o.id desc),
        '[]'),
      'next_cursor', v_page.next_cursor)
    from dbkit.orders o
    cross join lateral (
      select coalesce(sum(i.quantity), 0) as count
      from dbkit.order_items i
      where i.order_id = o.id
    ) as pieces
    cross join lateral (
      select coalesce(jsonb_agg(jsonb_build_object('from_status', h.from_status,
        'to_status', h.to_status, 'actor', h.actor, 'reason', h.reason,
        'changed_at', h.changed_at) order by h.id), '[]') as history
      from dbkit.order_status_history h
      where h.order_id = o.id
    ) as steps
    where o.id = any (v_page.order_ids)
  );
end
$$;
comment on function dbkit.rpc_v3_list_orders(jsonb) is
  'list_orders v3: {store_id?, status?, limit?, cursor?} as v2, and each order with its region and history.
The first page has no cursor; the last one''s next_cursor is null. Whose orders: see _page_orders.';
grant execute on function dbkit.rpc_v3_list_orders(jsonb)
to authenticated, service_role, super_admin;
