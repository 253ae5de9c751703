-- The index is by next_attempt_at, so its first row of a stream says all: when it is not infinity the
-- stream is busy, and else it is the oldest that waits. The caller holds the queues' locks.
create or replace function dbkit._unblock_streams(
  p_organization_ids text[],
  p_subscription_ids uuid[],
  p_stream_keys text[]
)
returns void
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  with streams as (
    select distinct s.organization_id, s.subscription_id, s.stream_key
    from unnest(p_organization_ids, p_subscription_ids, p_stream_keys)
      as s (organization_id, subscription_id, stream_key)
  ), freed as (
    update dbkit.event_delivery_log d
    set next_attempt_at = v_now
    from streams s
    cross join lateral (
      select w.delivery_id, w.next_attempt_at
      from dbkit.event_delivery_log w
      where w.organization_id = s.organization_id and w.subscription_id = s.subscription_id
        and w.stream_key = s.stream_key and w.status in ('pending', 'leased', 'retry_wait')
      order by w.next_attempt_at, w.position
      limit 1) as head
    where head.next_attempt_at = 'infinity'
      and d.delivery_id = head.delivery_id and d.organization_id = s.organization_id
    returning d.organization_id, d.subscription_id
  )
  update dbkit.event_delivery_queues q
  set due_at = greatest(v_now, q.paused_until)
  from (select distinct f.organization_id, f.subscription_id from freed f) as f
  where q.organization_id = f.organization_id and q.subscription_id = f.subscription_id
    and q.due_at > greatest(v_now, q.paused_until) and q.in_flight < q.send_window;
end
$$;
comment on function dbkit._unblock_streams(text[], uuid[], text[]) is
  'Of each of these streams of ordered subscriptions in which nothing is on its way, makes the oldest due.';
