create or replace function dbkit.disable_subscription(p_subscription_id uuid, p_reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_subscription dbkit.event_subscriptions;
begin
  perform dbkit.require_service('disabling a subscription');
  if (length(trim(p_reason)) between 1 and 500) is not true then
    perform dbkit.raise_error('KD004', 'a reason has 1 to 500 characters', '{"argument": "p_reason"}');
  end if;
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  perform dbkit._disable_subscription(v_subscription.organization_id, p_subscription_id, p_reason);
end
$$;
comment on function dbkit.disable_subscription(uuid, text) is
  'Ends a subscription of the caller''s organization until enable_subscription: nothing is queued for it,
what is queued waits, and the event WebhookSubscriptionDisabled is appended to the stream
(webhook_subscription, its id). Also done by itself, after 410 Gone and after disable_after_hours of
failures. Again it does nothing.
Needs service_role. Raises KD003, KD004, KD520.';
grant execute on function dbkit.disable_subscription(uuid, text) to service_role, super_admin;
