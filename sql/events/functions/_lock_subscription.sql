create or replace function dbkit._lock_subscription(p_subscription_id uuid)
returns dbkit.event_subscriptions
language plpgsql
volatile
as $$
begin
  perform
  from dbkit.event_delivery_queues q
  where q.organization_id = dbkit.current_organization() and q.subscription_id = p_subscription_id
  for update;
  return dbkit._find_subscription(p_subscription_id);
end
$$;
comment on function dbkit._lock_subscription(uuid) is
  'A subscription of the caller''s organization as it is once the lock of its queue is held. Raises KD520.';
