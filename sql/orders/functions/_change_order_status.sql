-- The row is locked before its status is read, so of two that change it at once the second sees what
-- the first did and is judged by that. Locks: the order, then the head of its stream.
create or replace function dbkit._change_order_status(
  p_order_id bigint,
  p_status text,
  p_guest_token text default null,
  p_reason text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_order dbkit.orders;
  v_actors text[];
  v_actor text;
begin
  select * into v_order from dbkit.orders o where o.id = p_order_id for update;
  v_actors := dbkit._order_actors(v_order, p_guest_token);
  if v_order.id is null or v_actors = '{}' then
    perform dbkit._raise_unknown_order(p_order_id);
  end if;
  select t.actor
  into v_actor
  from dbkit.order_status_transitions t
  where t.from_status = v_order.status and t.to_status = p_status and t.actor = any (v_actors)
  order by array_position(v_actors, t.actor)
  limit 1;
  if not found then
    perform dbkit._raise_transition(v_order, p_status, v_actors);
  end if;
  perform dbkit._move_order(v_order, p_status, v_actor,
    case when dbkit.caller_has_role('authenticated') then dbkit.context_value('user_id') end, p_reason,
    dbkit.clock());
  return dbkit._order_document(p_order_id) || jsonb_build_object('previous_status', v_order.status);
end
$$;
comment on function dbkit._change_order_status(bigint, text, text, text) is
  'Moves an order to a status that order_status_transitions allows the caller, appends to
order_status_history and OrderStatusChanged to the stream order/<id>, and returns the order as
_order_document does, with previous_status.
Raises KD401 for an order that the caller has nothing to do with, KD412 for a step that is not allowed.';
grant execute on function dbkit._change_order_status(bigint, text, text, text)
to anon, authenticated, service_role, super_admin;
