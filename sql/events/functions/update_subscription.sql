create or replace function dbkit.update_subscription(
  p_subscription_id uuid,
  p_url text default null,
  p_event_types text[] default null,
  p_aggregate_types text[] default null,
  p_aggregate_ids text[] default null,
  p_description text default null,
  p_is_ordered boolean default null,
  p_all_organizations boolean default null,
  p_retry_schedule int[] default null,
  p_timeout_seconds int default null,
  p_max_in_flight int default null,
  p_headers jsonb default null,
  p_disable_after_hours int default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_new dbkit.event_subscriptions;
begin
  perform dbkit.require_service('changing a subscription');
  v_new := dbkit._lock_subscription(p_subscription_id);
  if p_is_ordered <> v_new.is_ordered then
    perform dbkit._change_order(v_new.organization_id, p_subscription_id, p_is_ordered);
  end if;
  v_new.url := coalesce(p_url, v_new.url);
  v_new.event_types := coalesce(p_event_types, v_new.event_types);
  v_new.aggregate_types := nullif(coalesce(p_aggregate_types, v_new.aggregate_types), '{}');
  v_new.aggregate_ids := nullif(coalesce(p_aggregate_ids, v_new.aggregate_ids), '{}');
  v_new.description := coalesce(p_description, v_new.description);
  v_new.is_ordered := coalesce(p_is_ordered, v_new.is_ordered);
  v_new.all_organizations := coalesce(p_all_organizations, v_new.all_organizations);
  v_new.retry_schedule := coalesce(p_retry_schedule, v_new.retry_schedule);
  v_new.timeout_seconds := coalesce(p_timeout_seconds, v_new.timeout_seconds);
  v_new.max_in_flight := coalesce(p_max_in_flight, v_new.max_in_flight);
  v_new.headers := coalesce(p_headers, v_new.headers);
  v_new.disable_after_hours := coalesce(p_disable_after_hours, v_new.disable_after_hours);
  perform dbkit._check_subscription(v_new);
  update dbkit.event_subscriptions s
  set url = v_new.url, event_types = v_new.event_types, aggregate_types = v_new.aggregate_types,
    type_patterns = array(
      select dbkit._like_pattern(t.pattern)
      from unnest(v_new.event_types) with ordinality as t (pattern, n)
      order by t.n),
    aggregate_ids = v_new.aggregate_ids, description = v_new.description, is_ordered = v_new.is_ordered,
    all_organizations = v_new.all_organizations, retry_schedule = v_new.retry_schedule,
    timeout_seconds = v_new.timeout_seconds, max_in_flight = v_new.max_in_flight, headers = v_new.headers,
    disable_after_hours = v_new.disable_after_hours, updated_at = dbkit.clock()
  where s.organization_id = v_new.organization_id and s.subscription_id = p_subscription_id;
  update dbkit.event_delivery_queues q
  set send_window = least(q.send_window, v_new.max_in_flight)
  where q.organization_id = v_new.organization_id and q.subscription_id = p_subscription_id;
end
$$;
comment on function dbkit.update_subscription(
  uuid, text, text[], text[], text[], text, boolean, boolean, int[], int, int, jsonb, int
) is
  'Changes a subscription of the caller''s organization: arguments as in create_subscription, NULL keeps.
An empty array of aggregate_types or aggregate_ids is all. p_disable_after_hours: 1 to 8760, after so long
of failures only it is disabled. What is already queued is still sent, to the new URL.
Needs service_role. Raises KD003, KD520, KD521.';
grant execute on function dbkit.update_subscription(
  uuid, text, text[], text[], text[], text, boolean, boolean, int[], int, int, jsonb, int
) to service_role, super_admin;
