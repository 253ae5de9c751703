create or replace function dbkit._slow_endpoint(
  p_delivery dbkit.event_delivery_log,
  p_status_code int,
  p_retry_after_s int
)
returns void
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_failing_since timestamptz;
  v_hours int;
begin
  update dbkit.event_delivery_queues q
  set in_flight = q.in_flight - 1, send_window = 1, consecutive_failures = q.consecutive_failures + 1,
    failing_since = coalesce(q.failing_since, v_now),
    lease_ends_at = case q.in_flight when 1 then 'infinity' else q.lease_ends_at end,
    paused_until = greatest(q.paused_until, v_now + make_interval(
      secs => dbkit._endpoint_rest(p_status_code, p_retry_after_s, q.consecutive_failures + 1)))
  where q.organization_id = p_delivery.organization_id and q.subscription_id = p_delivery.subscription_id
  returning q.failing_since into v_failing_since;
  update dbkit.event_delivery_queues q
  set due_at = dbkit._next_due(q)
  where q.organization_id = p_delivery.organization_id and q.subscription_id = p_delivery.subscription_id;
  select s.disable_after_hours
  into v_hours
  from dbkit.event_subscriptions s
  where s.organization_id = p_delivery.organization_id and s.subscription_id = p_delivery.subscription_id;
  if p_status_code = 410 then
    perform dbkit._disable_subscription(p_delivery.organization_id, p_delivery.subscription_id,
      'the endpoint answered 410 Gone');
  elsif v_failing_since <= v_now - make_interval(hours => v_hours) then
    perform dbkit._disable_subscription(p_delivery.organization_id, p_delivery.subscription_id,
      format('every attempt has failed for %s hours', v_hours));
  end if;
end
$$;
comment on function dbkit._slow_endpoint(dbkit.event_delivery_log, int, int) is
  'What a failed delivery does to its endpoint: one request at a time, rest, and after long the end.';
