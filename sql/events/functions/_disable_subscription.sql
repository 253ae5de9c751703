-- The event tells whoever watches; it is appended as the service, whoever the caller is.
create or replace function dbkit._disable_subscription(
  p_organization_id text,
  p_subscription_id uuid,
  p_reason text
)
returns void
language plpgsql
volatile
as $$
declare
  v_url text;
begin
  update dbkit.event_subscriptions s
  set status = 'disabled', disabled_at = dbkit.clock(), disabled_reason = p_reason,
    updated_at = dbkit.clock(),
    disabled_position = coalesce((
      select c.position from dbkit.event_reader_checkpoints c where c.reader = 'dbkit.webhooks'), 0)
  where s.organization_id = p_organization_id and s.subscription_id = p_subscription_id
    and s.status in ('active', 'paused')
  returning s.url into v_url;
  if not found then
    return;
  end if;
  update dbkit.event_delivery_queues q
  set is_active = false
  where q.organization_id = p_organization_id and q.subscription_id = p_subscription_id;
  perform dbkit._append_events(p_organization_id, dbkit.context_value('user_id'), 'webhook_subscription',
    p_subscription_id::text, jsonb_build_array(jsonb_build_object('event_type', 'WebhookSubscriptionDisabled',
      'event_data', jsonb_build_object('subscription_id', p_subscription_id, 'url', v_url,
        'reason', p_reason))));
end
$$;
comment on function dbkit._disable_subscription(text, uuid, text) is
  'Disables a subscription that is not yet, and appends WebhookSubscriptionDisabled. The caller holds the
lock of its queue.';
