-- In a statement of its own, after safe_position. Patterns are compared once for each kind of event and not
-- for each event. What is ordered begins blocked: what stands before it in its stream can only be seen
-- once the queue is locked.
create or replace function dbkit._match_events(
  p_after_position bigint,
  p_up_to bigint,
  p_limit int,
  p_organization_id text default null,
  p_subscription_id uuid default null
)
returns table (
  events int,
  last_position bigint,
  deliveries int,
  positions bigint[],
  organization_ids text[],
  subscription_ids uuid[],
  stream_organization_ids text[],
  stream_subscription_ids uuid[],
  stream_keys text[]
)
language plpgsql
volatile
as $$
#variable_conflict use_column
declare
  v_now timestamptz := dbkit.clock();
begin
  return query
  with batch as materialized (
    select e.position, e.organization_id, e.aggregate_type, e.aggregate_id, e.event_type, e.event_id
    from dbkit.event_store e
    where e.position > p_after_position and e.position <= p_up_to
    order by e.position
    limit p_limit
  ), kinds as (
    select distinct b.organization_id, b.aggregate_type, b.event_type from batch b
  ), matched as (
    select k.organization_id as event_organization_id, k.aggregate_type, k.event_type, s.organization_id,
      s.subscription_id, s.aggregate_ids, s.is_ordered, s.retry_schedule[1] as delay_s,
      case when p_subscription_id is null then s.start_position else 0 end as start_position
    from kinds k
    join dbkit.event_subscriptions s on (s.all_organizations or s.organization_id = k.organization_id)
      and k.event_type like any (s.type_patterns)
      and (s.aggregate_types is null or k.aggregate_type = any (s.aggregate_types))
    where case when p_subscription_id is null then s.status in ('active', 'paused')
      else s.organization_id = p_organization_id and s.subscription_id = p_subscription_id end
  ), queued as (
    insert into dbkit.event_delivery_log (position, created_at, next_attempt_at, subscription_id,
      organization_id, event_organization_id, webhook_id, stream_key)
    select b.position, v_now,
      case when m.is_ordered then 'infinity' else v_now + make_interval(secs => m.delay_s) end,
      m.subscription_id, m.organization_id, b.organization_id, 'msg_' || replace(b.event_id::text, '-', ''),
      case when m.is_ordered
        then jsonb_build_array(b.organization_id, b.aggregate_type, b.aggregate_id)::text end
    from batch b
    join matched m on m.event_organization_id = b.organization_id and m.aggregate_type = b.aggregate_type
      and m.event_type = b.event_type
    where b.position > m.start_position
      and (m.aggregate_ids is null or b.aggregate_id = any (m.aggregate_ids))
    order by b.position, m.subscription_id
    on conflict do nothing
    returning position, organization_id, subscription_id, stream_key
  ), queues as (
    select distinct q.organization_id, q.subscription_id from queued q
  ), streams as (
    select distinct q.organization_id, q.subscription_id, q.stream_key
    from queued q
    where q.stream_key is not null
  )
  select b.events, b.last_position, q.deliveries, q.positions, k.organization_ids, k.subscription_ids,
    s.organization_ids, s.subscription_ids, s.stream_keys
  from (select count(*)::int as events, max(b.position) as last_position from batch b) as b,
    (select count(*)::int as deliveries, array_agg(distinct q.position) as positions from queued q) as q,
    (select array_agg(k.organization_id) as organization_ids, array_agg(k.subscription_id) as subscription_ids
      from queues k) as k,
    (select array_agg(s.organization_id) as organization_ids,
        array_agg(s.subscription_id) as subscription_ids, array_agg(s.stream_key) as stream_keys
      from streams s) as s;
end
$$;
comment on function dbkit._match_events(bigint, bigint, int, text, uuid) is
  'Makes the deliveries of the next p_limit events up to p_up_to for all subscriptions that take events,
or for one, whatever its status and beginning. One row: what was made. Then call _finish_queueing.';
