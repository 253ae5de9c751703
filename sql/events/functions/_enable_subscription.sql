create or replace function dbkit._enable_subscription(
  p_subscription dbkit.event_subscriptions,
  p_position bigint,
  p_is_done boolean
)
returns void
language plpgsql
volatile
as $$
begin
  if not p_is_done then
    update dbkit.event_subscriptions s
    set disabled_position = p_position
    where s.organization_id = p_subscription.organization_id
      and s.subscription_id = p_subscription.subscription_id;
    return;
  end if;
  update dbkit.event_subscriptions s
  set status = 'active', disabled_at = null, disabled_reason = null, disabled_position = null,
    updated_at = dbkit.clock()
  where s.organization_id = p_subscription.organization_id
    and s.subscription_id = p_subscription.subscription_id;
  update dbkit.event_delivery_queues q
  set is_active = true, consecutive_failures = 0, failing_since = null, paused_until = '-infinity',
    send_window = least(2, p_subscription.max_in_flight)
  where q.organization_id = p_subscription.organization_id
    and q.subscription_id = p_subscription.subscription_id;
  perform dbkit._refresh_delivery_queues(array[p_subscription.organization_id],
    array[p_subscription.subscription_id]);
  perform dbkit._append_events(p_subscription.organization_id, dbkit.context_value('user_id'),
    'webhook_subscription', p_subscription.subscription_id::text, jsonb_build_array(jsonb_build_object(
      'event_type', 'WebhookSubscriptionEnabled', 'event_data', jsonb_build_object(
        'subscription_id', p_subscription.subscription_id, 'url', p_subscription.url))));
end
$$;
comment on function dbkit._enable_subscription(dbkit.event_subscriptions, bigint, boolean) is
  'Enables a subscription, or notes how far what it missed is queued. The caller holds the queue''s lock.';
