create or replace function dbkit.send_test_event(
  p_subscription_id uuid,
  p_event_type text default 'dbkit.test',
  p_data jsonb default '{}'
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_webhook_id text := 'msg_' || replace(gen_random_uuid()::text, '-', '');
  v_subscription dbkit.event_subscriptions;
  v_delivery_id bigint;
begin
  perform dbkit.require_service('sending a test event');
  if (length(p_event_type) between 1 and 100 and jsonb_typeof(p_data) = 'object'
    and pg_column_size(p_data) <= 65536) is not true
  then
    perform dbkit.raise_error('KD004',
      'a test has a type of 1 to 100 characters and an object of up to 64 kB',
      '{"argument": "p_event_type, p_data"}');
  end if;
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  perform dbkit._require_enabled(v_subscription);
  insert into dbkit.event_webhook_messages (created_at, organization_id, webhook_id, aggregate_type,
    aggregate_id, event_type, body)
  values (v_now, v_subscription.organization_id, v_webhook_id, 'webhook_subscription',
    p_subscription_id::text,
    p_event_type, json_build_object('type', p_event_type,
      'timestamp', to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'data', p_data)::text);
  insert into dbkit.event_delivery_log (created_at, next_attempt_at, subscription_id, organization_id,
    event_organization_id, webhook_id)
  values (v_now, v_now, p_subscription_id, v_subscription.organization_id, v_subscription.organization_id,
    v_webhook_id)
  returning delivery_id into v_delivery_id;
  perform dbkit._wake_delivery_queues(array[v_subscription.organization_id], array[p_subscription_id]);
  return jsonb_build_object('delivery_id', v_delivery_id, 'webhook_id', v_webhook_id);
end
$$;
comment on function dbkit.send_test_event(uuid, text, jsonb) is
  'Queues a message that is no event for a subscription of the caller''s organization, whatever its
filters: to see that its endpoint answers and verifies. It has type, timestamp and data, and no event.
Returns {delivery_id bigint, webhook_id text}.
Needs service_role. Raises KD003, KD004, KD520, KD524 (disabled).';
grant execute on function dbkit.send_test_event(uuid, text, jsonb) to service_role, super_admin;
