-- One statement claims and judges: who finds an order locked passes it by, and an order that somebody has
-- moved since is judged by what it is now. Each is then moved as any other change of a status moves it. An
-- order that cannot be moved (its stream is archived, say) must not keep the others from it: it stays stuck,
-- which the alert tells. Locks: orders, longest stuck first, without waiting; then heads of their
-- streams.
create or replace function dbkit._heal_stuck_orders(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now constant timestamptz := dbkit.clock();
  v_order dbkit.orders;
begin
  perform dbkit.require_service('healing orders');
  perform dbkit._rehearse_order_move();
  for v_order in
    select o.*
    from dbkit.orders o
    where o.status = p_params ->> 'from' and o.status in ('preparing', 'ready')
      and o.status_changed_at < v_now - make_interval(mins => (p_params ->> 'after_minutes')::int)
      and o.id::text <> all (p_except)
      and exists (
        select from dbkit.order_status_transitions t
        where t.from_status = p_params ->> 'from' and t.to_status = p_params ->> 'to' and t.actor = 'auto_heal')
    order by o.status_changed_at, o.id
    limit p_limit
    for update of o skip locked
  loop
    begin
      perform dbkit._move_order(v_order, p_params ->> 'to', 'auto_heal', null, p_params ->> 'reason', v_now);
    exception when others then
      raise warning 'order % cannot be healed: % %', v_order.id, sqlstate, sqlerrm;
      continue;
    end;
    subject := v_order.id::text;
    organization_id := v_order.organization_id;
    before := jsonb_build_object('status', v_order.status, 'status_changed_at', v_order.status_changed_at);
    after := jsonb_build_object('status', p_params -> 'to', 'status_changed_at', v_now,
      'reason', p_params -> 'reason');
    return next;
  end loop;
end
$$;
comment on function dbkit._heal_stuck_orders(jsonb, int, text[]) is
  'apply_function of the heal rules of orders: moves at most p_limit of those that _find_stuck_orders finds,
and that nobody else holds. Needs service_role. Raises KD003.';
grant execute on function dbkit._heal_stuck_orders(jsonb, int, text[]) to service_role, super_admin;
