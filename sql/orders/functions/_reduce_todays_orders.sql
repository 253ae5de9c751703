-- Counts and sums: the same in whatever order the events of different orders come.
create or replace function dbkit._reduce_todays_orders(p_state jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
immutable
as $$
declare
  v_state jsonb := coalesce(p_state, '{"orders": 0, "revenue": 0.00, "by_status": {}}');
  v_data jsonb := p_event.event_data;
  v_from text := v_data ->> 'from_status';
  v_to text := coalesce(v_data ->> 'to_status', v_data ->> 'status');
  v_total numeric := coalesce(v_data #>> '{totals,total}', v_data ->> 'total')::numeric;
  v_revenue numeric := (v_state ->> 'revenue')::numeric;
  v_statuses jsonb := v_state -> 'by_status';
begin
  if v_from is not null then
    v_statuses := v_statuses || jsonb_build_object(v_from, coalesce((v_statuses ->> v_from)::int, 0) - 1);
  end if;
  v_statuses := v_statuses || jsonb_build_object(v_to, coalesce((v_statuses ->> v_to)::int, 0) + 1);
  v_revenue := v_revenue + case when v_from is null and v_to <> 'cancelled' then v_total
    when v_from is not null and v_to = 'cancelled' then -v_total else 0 end;
  return jsonb_build_object('orders', (v_state ->> 'orders')::int + (v_from is null)::int,
    'revenue', v_revenue, 'by_status', v_statuses);
end
$$;
comment on function dbkit._reduce_todays_orders(jsonb, dbkit.event_store) is
  'Orders of a store on a day: {orders, revenue (totals of those not cancelled), by_status {status: count}}.';
