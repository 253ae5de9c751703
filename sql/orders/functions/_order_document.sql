-- Runs with the reader's rights: an order that RLS hides is an order that does not exist.
create or replace function dbkit._order_document(p_order_id bigint)
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select jsonb_build_object(
      'order_id', o.id,
      'store_id', o.store_id,
      'status', o.status,
      'customer', jsonb_build_object(
        'name', o.customer_name, 'phone', o.customer_phone, 'email', o.customer_email),
      'items', (
        select coalesce(jsonb_agg(jsonb_build_object('item_id', i.menu_item_id, 'name', i.name,
          'customizations', i.customizations, 'unit_price', i.unit_price, 'quantity', i.quantity,
          'line_total', i.line_total) order by i.position), '[]')
        from dbkit.order_items i
        where i.order_id = o.id
      ),
      'totals', jsonb_build_object('subtotal', o.subtotal, 'tax_rate', o.tax_rate, 'tax', o.tax,
        'total', o.total, 'currency', o.currency),
      'source_region', o.source_region,
      'api_version', o.api_version,
      'created_at', o.created_at,
      'status_changed_at', o.status_changed_at,
      'completed_at', o.completed_at,
      'history', (
        select coalesce(jsonb_agg(jsonb_build_object('from_status', h.from_status,
          'to_status', h.to_status, 'actor', h.actor, 'reason', h.reason,
          'changed_at', h.changed_at) order by h.id), '[]')
        from dbkit.order_status_history h
        where h.order_id = o.id
      ))
    from dbkit.orders o
    where o.id = p_order_id
  );
end
$$;
comment on function dbkit._order_document(bigint) is
  'All that an order''s reader may see of it, from which each version takes its part; NULL when there is
no such order or the caller may not read it.';
grant execute on function dbkit._order_document(bigint) to authenticated, service_role, super_admin;
