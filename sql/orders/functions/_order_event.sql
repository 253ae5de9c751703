-- Who the customer is stays out: events are kept for good, and a reader of them need not know.
create or replace function dbkit._order_event(p_order_id bigint)
returns jsonb
language plpgsql
stable
as $$
declare
  v_order jsonb := dbkit._order_document(p_order_id);
begin
  return v_order - array['customer', 'history', 'status_changed_at', 'completed_at']
    || jsonb_build_object('day', ((v_order ->> 'created_at')::timestamptz at time zone 'UTC')::date);
end
$$;
comment on function dbkit._order_event(bigint) is
  'event_data of OrderPlaced and OrderImported: {order_id, store_id, status, items, totals, source_region,
api_version, created_at, day (UTC)}.';
