create or replace function dbkit._require_enabled(p_subscription dbkit.event_subscriptions)
returns void
language plpgsql
volatile
as $$
begin
  if p_subscription.status = 'disabled' then
    perform dbkit.raise_error('KD524',
      format('the subscription is disabled: %s', p_subscription.disabled_reason),
      jsonb_build_object('subscription_id', p_subscription.subscription_id, 'status', 'disabled',
        'reason', p_subscription.disabled_reason, 'disabled_at', p_subscription.disabled_at),
      'Call enable_subscription first.');
  end if;
end
$$;
comment on function dbkit._require_enabled(dbkit.event_subscriptions) is
  'Raises KD524 when a subscription is disabled.';
