create or replace function dbkit.rpc_v1_list_orders(p_payload jsonb)
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
            'currency', o.currency, 'created_at', o.created_at)
          order by o.created_at desc, o.id desc),
        '[]'),
      'next_cursor', v_page.next_cursor)
    from dbkit.orders o
    where o.id = any (v_page.order_ids)
  );
end
$$;
comment on function dbkit.rpc_v1_list_orders(jsonb) is
  'list_orders v1: {store_id?, status?, limit?, cursor?} gives orders, newest first.
The first page has no cursor; the last one''s next_cursor is null. Whose orders: see _page_orders.';
grant execute on function dbkit.rpc_v1_list_orders(jsonb)
to authenticated, service_role, super_admin;
