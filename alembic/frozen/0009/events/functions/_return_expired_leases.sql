-- To the front of their queue: they were claimed before what waits there now. The caller holds the locks.
create or replace function dbkit._return_expired_leases(p_queues dbkit.event_delivery_queues[])
returns dbkit.event_delivery_queues[]
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  with expired as (
    update dbkit.event_delivery_log d
    set status = case d.attempts when 0 then 'pending' else 'retry_wait' end, next_attempt_at = d.created_at
    from unnest(p_queues) as q
    where q.lease_ends_at <= v_now and d.organization_id = q.organization_id
      and d.subscription_id = q.subscription_id and d.status = 'leased' and d.next_attempt_at <= v_now
    returning d.organization_id, d.subscription_id
  )
  update dbkit.event_delivery_queues q
  set in_flight = q.in_flight - (
      select count(*) from expired x
      where x.organization_id = q.organization_id and x.subscription_id = q.subscription_id),
    lease_ends_at = coalesce((
      select min(d.next_attempt_at) from dbkit.event_delivery_log d
      where d.organization_id = q.organization_id and d.subscription_id = q.subscription_id
        and d.status = 'leased' and d.next_attempt_at > v_now), 'infinity')
  from unnest(p_queues) as old
  where old.lease_ends_at <= v_now and q.organization_id = old.organization_id
    and q.subscription_id = old.subscription_id;
  return array(
    select q
    from dbkit.event_delivery_queues q
    join unnest(p_queues) as old on old.organization_id = q.organization_id
      and old.subscription_id = q.subscription_id);
end
$$;
comment on function dbkit._return_expired_leases(dbkit.event_delivery_queues[]) is
  'What was leased of these queues and whose lease has ended waits again; the queues as they are then.';
