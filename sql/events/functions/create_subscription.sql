create or replace function dbkit.create_subscription(
  p_url text,
  p_event_types text[] default '{*}',
  p_aggregate_types text[] default null,
  p_aggregate_ids text[] default null,
  p_description text default '',
  p_is_ordered boolean default false,
  p_all_organizations boolean default false,
  p_retry_schedule int[] default null,
  p_timeout_seconds int default 20,
  p_max_in_flight int default 10,
  p_headers jsonb default '{}',
  p_secret text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_new dbkit.event_subscriptions;
begin
  perform dbkit.require_service('subscribing to events');
  v_new.organization_id := dbkit.current_organization();
  v_new.subscription_id := gen_random_uuid();
  v_new.url := p_url;
  v_new.description := p_description;
  v_new.event_types := p_event_types;
  v_new.aggregate_types := nullif(p_aggregate_types, '{}');
  v_new.aggregate_ids := nullif(p_aggregate_ids, '{}');
  v_new.all_organizations := p_all_organizations;
  v_new.is_ordered := p_is_ordered;
  v_new.status := 'active';
  v_new.retry_schedule := coalesce(p_retry_schedule, '{0,5,300,1800,7200,18000,36000,50400,72000,86400}');
  v_new.timeout_seconds := p_timeout_seconds;
  v_new.max_in_flight := p_max_in_flight;
  v_new.headers := p_headers;
  v_new.disable_after_hours := 120;
  v_new.secrets_version := 0;
  v_new.created_at := dbkit.clock();
  v_new.created_by := dbkit.caller_role();
  v_new.updated_at := v_new.created_at;
  perform dbkit._check_subscription(v_new);
  v_new.type_patterns := array(
    select dbkit._like_pattern(t.pattern)
    from unnest(p_event_types) with ordinality as t (pattern, n)
    order by t.n);
  v_new.start_position := dbkit.safe_position();
  insert into dbkit.event_subscriptions select v_new.*;
  insert into dbkit.event_delivery_queues (organization_id, subscription_id, send_window)
  values (v_new.organization_id, v_new.subscription_id, least(2, p_max_in_flight));
  return jsonb_build_object('subscription_id', v_new.subscription_id,
    'secret', dbkit._add_signing_secret(v_new.organization_id, v_new.subscription_id, p_secret));
end
$$;
comment on function dbkit.create_subscription(
  text, text[], text[], text[], text, boolean, boolean, int[], int, int, jsonb, text
) is
  'Subscribes a URL to the events of the caller''s organization that commit from now on (webhooks,
standardwebhooks.com). Each is sent at least once, by the worker; the receiver knows doubles by webhook-id.
p_event_types: patterns, * for any run of characters (Order*, order.*). p_aggregate_types, p_aggregate_ids:
NULL all. p_is_ordered: of a stream, one after the other. p_all_organizations: the events of every
organization. p_retry_schedule: seconds before each attempt, the first included; NULL 0, 5 s, 5 min, 30 min,
2, 5, 10, 14, 20, 24 h. p_timeout_seconds: 1 to 30 for each. p_max_in_flight: 1 to 100 requests at a time.
p_headers: extra ones, {name: text}. p_secret: whsec_ and 24 to 64 bytes in base64; NULL a new one.
The secret is told here and never shown again.
Returns {subscription_id uuid, secret text}.
Needs service_role. Raises KD003, KD507 (not READ COMMITTED, or a replica), KD521.';
grant execute on function dbkit.create_subscription(
  text, text[], text[], text[], text, boolean, boolean, int[], int, int, jsonb, text
) to service_role, super_admin;
