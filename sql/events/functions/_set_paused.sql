create or replace function dbkit._set_paused(p_subscription dbkit.event_subscriptions, p_is_paused boolean)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_subscriptions s
  set status = case when p_is_paused then 'paused' else 'active' end, updated_at = dbkit.clock()
  where s.organization_id = p_subscription.organization_id
    and s.subscription_id = p_subscription.subscription_id and (s.status = 'paused') <> p_is_paused;
  update dbkit.event_delivery_queues q
  set is_active = not p_is_paused
  where q.organization_id = p_subscription.organization_id
    and q.subscription_id = p_subscription.subscription_id;
end
$$;
comment on function dbkit._set_paused(dbkit.event_subscriptions, boolean) is
  'Pauses or resumes. The caller holds the queue''s lock.';
