-- The list of both statuses is that of idx_orders_stuck: without it a generic plan would read all orders.
create or replace function dbkit._find_stuck_orders(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language plpgsql
stable
as $$
declare
  v_before constant timestamptz := dbkit.clock() - make_interval(mins => (p_params ->> 'after_minutes')::int);
begin
  return query
  select o.id::text, o.organization_id,
    jsonb_build_object('status', o.status, 'status_changed_at', o.status_changed_at),
    jsonb_build_object('status', p_params -> 'to', 'reason', p_params -> 'reason')
  from dbkit.orders o
  where o.status = p_params ->> 'from' and o.status in ('preparing', 'ready')
    and o.status_changed_at < v_before and o.id::text <> all (p_except)
    and exists (
      select from dbkit.order_status_transitions t
      where t.from_status = p_params ->> 'from' and t.to_status = p_params ->> 'to' and t.actor = 'auto_heal')
  order by o.status_changed_at, o.id
  limit p_limit;
end
$$;
comment on function dbkit._find_stuck_orders(jsonb, int, text[]) is
  'find_function of the heal rules of orders: those that have been in the status p_params.from for more than
after_minutes, longest first, and what would become of them.
p_params: {from, to, after_minutes, reason}.';
grant execute on function dbkit._find_stuck_orders(jsonb, int, text[]) to service_role, super_admin;
