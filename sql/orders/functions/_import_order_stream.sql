-- An order from before there were events has no stream. Its first change begins one with the order as it
-- is until then, so that state and read models are right without a backfill of all old orders.
create or replace function dbkit._import_order_stream(p_order dbkit.orders)
returns void
language plpgsql
volatile
as $$
begin
  if not exists (
    select from dbkit.event_streams s
    where s.organization_id = p_order.organization_id and s.aggregate_type = 'order'
      and s.aggregate_id = p_order.id::text)
  then
    perform dbkit._append_order_placed(p_order.id, p_order.organization_id, p_order.user_id, 'OrderImported');
  end if;
end
$$;
comment on function dbkit._import_order_stream(dbkit.orders) is
  'Begins the stream of an order that has none with OrderImported; the caller has locked the order.';
