create or replace function dbkit._refresh_delivery_queues(
  p_organization_ids text[],
  p_subscription_ids uuid[]
)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_delivery_queues q
  set due_at = dbkit._next_due(q)
  from (
    select distinct k.organization_id, k.subscription_id
    from unnest(p_organization_ids, p_subscription_ids) as k (organization_id, subscription_id)) as k
  where q.organization_id = k.organization_id and q.subscription_id = k.subscription_id;
end
$$;
comment on function dbkit._refresh_delivery_queues(text[], uuid[]) is
  'Writes due_at of these queues as it follows from what waits. The caller holds their locks.';
