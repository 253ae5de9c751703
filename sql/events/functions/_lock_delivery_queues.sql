-- In the order of subscription_id, always: so nobody who locks several waits for somebody who waits for
-- them.
create or replace function dbkit._lock_delivery_queues(p_organization_ids text[], p_subscription_ids uuid[])
returns void
language plpgsql
volatile
as $$
begin
  perform
  from (
    select distinct k.organization_id, k.subscription_id
    from unnest(p_organization_ids, p_subscription_ids) as k (organization_id, subscription_id)) as k
  join dbkit.event_delivery_queues q on q.organization_id = k.organization_id
    and q.subscription_id = k.subscription_id
  order by q.subscription_id, q.organization_id
  for update of q;
end
$$;
comment on function dbkit._lock_delivery_queues(text[], uuid[]) is
  'Locks the queues of subscriptions, given by organization and id, until the transaction ends.';
