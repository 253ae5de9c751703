create or replace function dbkit._next_due(p_queue dbkit.event_delivery_queues)
returns timestamptz
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_next timestamptz;
begin
  if p_queue.in_flight < p_queue.send_window then
    select min(d.next_attempt_at)
    into v_next
    from dbkit.event_delivery_log d
    where d.organization_id = p_queue.organization_id and d.subscription_id = p_queue.subscription_id
      and d.status in ('pending', 'retry_wait');
    v_next := greatest(v_next, case when v_next is not null then p_queue.paused_until end);
    if v_next <= v_now then
      v_next := least(p_queue.due_at, v_now);
    end if;
  end if;
  return least(v_next, p_queue.lease_ends_at);
end
$$;
comment on function dbkit._next_due(dbkit.event_delivery_queues) is
  'When something of a queue can be claimed next, as far as its row and the deliveries that wait say; keeps
the place in the line of one that is due.';
