create or replace function dbkit._wake_delivery_queues(p_organization_ids text[], p_subscription_ids uuid[])
returns void
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  update dbkit.event_delivery_queues q
  set due_at = greatest(v_now, q.paused_until)
  from unnest(p_organization_ids, p_subscription_ids) as k (organization_id, subscription_id)
  where q.organization_id = k.organization_id and q.subscription_id = k.subscription_id
    and q.due_at > greatest(v_now, q.paused_until) and q.in_flight < q.send_window;
end
$$;
comment on function dbkit._wake_delivery_queues(text[], uuid[]) is
  'Makes these queues due now, or when their pause ends. The caller holds their locks. A full one stays: who
settles will look.';
