create or replace function dbkit.get_subscriptions(
  p_organization_id text default null,
  p_subscription_id uuid default null
)
returns table (
  organization_id text,
  subscription_id uuid,
  url text,
  description text,
  event_types text[],
  aggregate_types text[],
  aggregate_ids text[],
  all_organizations boolean,
  is_ordered boolean,
  status text,
  disabled_at timestamptz,
  disabled_reason text,
  retry_schedule int[],
  timeout_seconds int,
  max_in_flight int,
  header_names text[],
  disable_after_hours int,
  created_at timestamptz,
  created_by text,
  updated_at timestamptz,
  send_window int,
  in_flight int,
  waiting int,
  open_dead_letters int,
  consecutive_failures int,
  failing_since timestamptz,
  paused_until timestamptz,
  due_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
begin
  perform dbkit.require_service('seeing subscriptions');
  return query
  select s.organization_id, s.subscription_id, s.url, s.description, s.event_types, s.aggregate_types,
    s.aggregate_ids, s.all_organizations, s.is_ordered, s.status, s.disabled_at, s.disabled_reason,
    s.retry_schedule, s.timeout_seconds, s.max_in_flight, array(select jsonb_object_keys(s.headers) order by 1),
    s.disable_after_hours, s.created_at, s.created_by, s.updated_at, q.send_window, q.in_flight,
    (select count(*)::int from (
      select from dbkit.event_delivery_log d
      where d.organization_id = s.organization_id and d.subscription_id = s.subscription_id
        and d.status in ('pending', 'retry_wait')
      limit 10000) as w),
    (select count(*)::int from (
      select from dbkit.event_dead_letters l
      where l.organization_id = s.organization_id and l.source = 'webhook'
        and l.source_name = s.subscription_id::text and l.status = 'open'
      limit 10000) as l),
    q.consecutive_failures, q.failing_since, nullif(q.paused_until, '-infinity'), nullif(q.due_at, 'infinity')
  from dbkit.event_subscriptions s
  join dbkit.event_delivery_queues q on q.organization_id = s.organization_id
    and q.subscription_id = s.subscription_id
  where s.status <> 'deleted'
    and s.organization_id = coalesce(dbkit._organization_filter(p_organization_id), s.organization_id)
    and (p_subscription_id is null or s.subscription_id = p_subscription_id)
  order by s.organization_id, s.created_at, s.subscription_id;
end
$$;
comment on function dbkit.get_subscriptions(text, uuid) is
  'Subscriptions and how their endpoints are doing. p_organization_id: NULL that of the request context, *
all. p_subscription_id: NULL all. Values of extra headers are not shown, because they may be secret.
send_window: requests at a time now; in_flight: leased; waiting and open_dead_letters: counted up to 10000;
failing_since: the first of consecutive_failures; paused_until: it rests; due_at: when something can be
sent.
Needs service_role. Raises KD003.
Nullable: aggregate_types, aggregate_ids, disabled_at, disabled_reason, failing_since, paused_until, due_at.';
grant execute on function dbkit.get_subscriptions(text, uuid) to service_role, super_admin;
