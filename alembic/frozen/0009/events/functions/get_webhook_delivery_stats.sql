create or replace function dbkit.get_webhook_delivery_stats(
  p_subscription_id uuid default null,
  p_hours int default 24,
  p_organization_id text default null
)
returns table (
  organization_id text,
  subscription_id uuid,
  url text,
  status text,
  pending bigint,
  leased bigint,
  retry_wait bigint,
  delivered bigint,
  dead bigint,
  skipped bigint,
  success_rate double precision,
  average_attempts double precision,
  p50_duration_ms double precision,
  p95_duration_ms double precision,
  p50_latency_ms double precision,
  p95_latency_ms double precision,
  oldest_waiting_s double precision,
  failures jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_since timestamptz;
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing how deliveries are doing');
  if (p_hours between 1 and 8760) is not true then
    perform dbkit.raise_error('KD004', 'p_hours must be 1 to 8760', '{"argument": "p_hours"}');
  end if;
  v_since := dbkit.clock() - make_interval(hours => p_hours);
  return query
  with log as materialized (
    select d.*
    from dbkit.event_delivery_log d
    where d.created_at >= v_since and (p_subscription_id is null or d.subscription_id = p_subscription_id)
      and (v_organization_id is null or d.organization_id = v_organization_id)
  ), counts as (
    select l.organization_id, l.subscription_id,
      count(*) filter (where l.status = 'pending') as pending,
      count(*) filter (where l.status = 'leased') as leased,
      count(*) filter (where l.status = 'retry_wait') as retry_wait,
      count(*) filter (where l.status = 'delivered') as delivered,
      count(*) filter (where l.status = 'dead') as dead,
      count(*) filter (where l.status = 'skipped') as skipped,
      avg(l.attempts) filter (where l.status in ('delivered', 'dead'))::double precision as attempts,
      percentile_cont(array[0.5, 0.95]) within group (order by l.last_duration_ms)
        filter (where l.status = 'delivered') as duration_ms,
      percentile_cont(array[0.5, 0.95]) within group (
        order by extract(epoch from l.finished_at - l.created_at)::double precision * 1000)
        filter (where l.status = 'delivered' and l.replays = 0) as latency_ms
    from log l
    group by l.organization_id, l.subscription_id
  ), reasons as (
    select r.organization_id, r.subscription_id, jsonb_object_agg(r.reason, r.n) as failures
    from (
      select l.organization_id, l.subscription_id,
        coalesce(f.failure ->> 'status_code', split_part(f.failure ->> 'error', ':', 1)) as reason,
        count(*) as n
      from log l
      cross join lateral jsonb_array_elements(l.failures) as f (failure)
      group by 1, 2, 3) as r
    group by r.organization_id, r.subscription_id
  )
  select s.organization_id, s.subscription_id, s.url, s.status, coalesce(c.pending, 0), coalesce(c.leased, 0),
    coalesce(c.retry_wait, 0), coalesce(c.delivered, 0), coalesce(c.dead, 0), coalesce(c.skipped, 0),
    c.delivered::double precision / nullif(c.delivered + c.dead, 0), c.attempts, c.duration_ms[1],
    c.duration_ms[2], c.latency_ms[1], c.latency_ms[2],
    extract(epoch from dbkit.clock() - (
      select min(d.created_at)
      from dbkit.event_delivery_log d
      where d.organization_id = s.organization_id and d.subscription_id = s.subscription_id
        and d.status in ('pending', 'retry_wait')))::double precision,
    coalesce(r.failures, '{}')
  from dbkit.event_subscriptions s
  left join counts c on c.organization_id = s.organization_id and c.subscription_id = s.subscription_id
  left join reasons r on r.organization_id = s.organization_id and r.subscription_id = s.subscription_id
  where s.status <> 'deleted' and (v_organization_id is null or s.organization_id = v_organization_id)
    and (p_subscription_id is null or s.subscription_id = p_subscription_id)
  order by s.organization_id, s.created_at, s.subscription_id;
end
$$;
comment on function dbkit.get_webhook_delivery_stats(uuid, int, text) is
  'Per subscription, what became of the deliveries queued in the last p_hours (1 to 8760): how many have
each status; success_rate: delivered / (delivered + dead), 0 to 1; average_attempts of both; duration: of
the request that succeeded; latency: from queued to delivered, replays left out; failures: failed attempts
by status code or kind of error, {reason: count}. oldest_waiting_s: age of the oldest that waits, whenever
it was queued. p_organization_id: NULL that of the request context, * all.
Needs service_role. Raises KD003, KD004.
Nullable: success_rate, average_attempts, p50_duration_ms, p95_duration_ms, p50_latency_ms, p95_latency_ms.
Nullable: oldest_waiting_s.';
grant execute on function dbkit.get_webhook_delivery_stats(uuid, int, text) to service_role, super_admin;
