create or replace function dbkit.get_deliveries(
  p_subscription_id uuid default null,
  p_status text default null,
  p_before_id bigint default null,
  p_limit int default 100,
  p_organization_id text default null
)
returns table (
  delivery_id bigint,
  organization_id text,
  subscription_id uuid,
  webhook_id text,
  "position" bigint,
  event_type text,
  aggregate_type text,
  aggregate_id text,
  status text,
  attempts int,
  replays int,
  next_attempt_at timestamptz,
  leased_by text,
  last_status_code int,
  last_error text,
  last_duration_ms int,
  failures jsonb,
  created_at timestamptz,
  finished_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing deliveries');
  perform dbkit._check_page(p_limit);
  return query
  select d.delivery_id, d.organization_id, d.subscription_id, d.webhook_id, d.position, m.event_type,
    m.aggregate_type, m.aggregate_id, d.status, d.attempts, d.replays,
    case when d.status in ('pending', 'leased', 'retry_wait') then nullif(d.next_attempt_at, 'infinity') end,
    d.leased_by, d.last_status_code, d.last_error, d.last_duration_ms, coalesce(d.failures, '[]'),
    d.created_at, d.finished_at
  from dbkit.event_delivery_log d
  left join dbkit.event_webhook_messages m on m.organization_id = d.event_organization_id
    and m.webhook_id = d.webhook_id
  where (v_organization_id is null or d.organization_id = v_organization_id)
    and (p_subscription_id is null or d.subscription_id = p_subscription_id)
    and (p_status is null or d.status = p_status) and (p_before_id is null or d.delivery_id < p_before_id)
  order by d.delivery_id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_deliveries(uuid, text, bigint, int, text) is
  'The newest deliveries, at most p_limit (1 to 10000). p_status: pending, leased, retry_wait, delivered,
dead or skipped, NULL all. p_before_id: the last id of the page before. p_organization_id: NULL that of
the request context, * all. next_attempt_at: when it can be claimed, or its lease ends; NULL when it is
done, or waits for another one of its stream. failures: the newest 20 failed attempts, [{attempt, at,
status_code, error, duration_ms, response}]. get_delivery_body has what is sent.
Needs service_role. Raises KD003, KD004.
Nullable: position, event_type, aggregate_type, aggregate_id, next_attempt_at, leased_by, last_status_code.
Nullable: last_error, last_duration_ms, finished_at.';
grant execute on function dbkit.get_deliveries(uuid, text, bigint, int, text) to service_role, super_admin;
