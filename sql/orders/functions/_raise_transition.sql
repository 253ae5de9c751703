create or replace function dbkit._raise_transition(
  p_order dbkit.orders,
  p_status text,
  p_actors text[]
)
returns void
language plpgsql
stable
as $$
declare
  v_allowed text[] := array(
    select distinct t.to_status
    from dbkit.order_status_transitions t
    where t.from_status = p_order.status and t.actor = any (p_actors)
    order by t.to_status
  );
begin
  perform dbkit.raise_error('KD412',
    format('order %s is %s and may not become %s', p_order.id, p_order.status,
      coalesce(left(p_status, 100), 'null')),
    jsonb_build_object('field', 'status', 'order_id', p_order.id, 'from', p_order.status,
      'to', left(p_status, 100), 'allowed', v_allowed),
    case when v_allowed = '{}' then 'Nothing is left to change for you.'
      else 'You may set: ' || array_to_string(v_allowed, ', ') || '.' end);
end
$$;
comment on function dbkit._raise_transition(dbkit.orders, text, text[]) is
  'Raises KD412 with the statuses that the actors may give the order next.';
