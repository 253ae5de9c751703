-- Queues that somebody else works on are skipped, so claims never wait; then a statement of its own, whose
-- snapshot has all that was done to those that are locked now. Slots are dealt one by one, first to the
-- queue that waits longest, and a queue that could have more goes to the end of the line: no dead or busy
-- endpoint keeps another one waiting. The plan must not depend on statistics: in a quiet time they say
-- that the log is empty, where reading all of it is the cheapest, and the plan stays when thousands are
-- queued. Hence the settings, LIMIT 1, and the place of each row (ctid: nobody else moves it while the
-- queue is locked), which the planner thinks it looks up once (_each_row).
create or replace function dbkit.claim_deliveries(
  p_worker text,
  p_limit int default 100,
  p_lease_seconds int default 60
)
returns table (
  delivery_id bigint,
  organization_id text,
  subscription_id uuid,
  webhook_id text,
  token int,
  attempt int,
  url text,
  headers jsonb,
  timeout_seconds int,
  secrets_version bigint,
  body text,
  leased_until timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := dbkit.clock();
  v_until timestamptz := v_now + make_interval(secs => p_lease_seconds);
  v_queues dbkit.event_delivery_queues[];
begin
  perform dbkit.require_service('claiming deliveries');
  perform dbkit._check_page(p_limit);
  if (length(p_worker) between 1 and 200 and p_lease_seconds between 1 and 3600) is not true then
    perform dbkit.raise_error('KD004',
      'a worker''s name has 1 to 200 characters, and a lease 1 to 3600 seconds',
      '{"argument": "p_worker, p_lease_seconds"}');
  end if;
  v_queues := array(
    select q
    from dbkit.event_delivery_queues q
    where q.is_active and q.due_at <= v_now
    order by q.due_at
    limit p_limit
    for update skip locked);
  if v_queues = '{}' then
    return;
  elsif exists (select from unnest(v_queues) as q where q.lease_ends_at <= v_now) then
    v_queues := dbkit._return_expired_leases(v_queues);
  end if;
  return query
  with slots as (
    select q.organization_id, q.subscription_id, q.send_window, q.in_flight, q.lease_ends_at, q.paused_until,
      level is not null and row_number() over (order by level, q.due_at) <= p_limit as is_given
    from unnest(v_queues) as q
    left join lateral generate_series(1, q.send_window - q.in_flight) as level on q.paused_until <= v_now
  ), shares as (
    select s.organization_id, s.subscription_id, s.send_window, s.in_flight, s.lease_ends_at, s.paused_until,
      count(*) filter (where s.is_given) as share
    from slots s
    group by s.organization_id, s.subscription_id, s.send_window, s.in_flight, s.lease_ends_at, s.paused_until
  ), turns as materialized (
    select s.*, w.taken, w.places, coalesce(cardinality(w.taken), 0) as n, w.next_at,
      case when w.taken is null then s.lease_ends_at else least(s.lease_ends_at, v_until)
      end as new_lease_ends_at
    from shares s
    cross join lateral (
      select array_agg(w.delivery_id) filter (where w.n <= s.share and w.next_attempt_at <= v_now) as taken,
        array_agg(w.ctid) filter (where w.n <= s.share and w.next_attempt_at <= v_now) as places,
        min(w.next_attempt_at) filter (where w.n > s.share or w.next_attempt_at > v_now) as next_at
      from (
        select d.ctid, d.delivery_id, d.next_attempt_at,
          row_number() over (order by d.next_attempt_at, d.delivery_id) as n
        from dbkit.event_delivery_log d
        where d.organization_id = s.organization_id and d.subscription_id = s.subscription_id
          and d.status in ('pending', 'retry_wait')
        order by d.next_attempt_at, d.delivery_id
        limit s.share + 1) as w) as w
  ), leased as (
    update dbkit.event_delivery_log d
    set status = 'leased', token = d.token + 1, leased_by = p_worker, next_attempt_at = v_until
    from (
      select array_agg(x.place) as places, array_agg(x.delivery_id) as taken
      from turns t
      cross join lateral unnest(t.places, t.taken) as x (place, delivery_id)) as t
    cross join lateral dbkit._each_row(t.places, t.taken) as p
    where d.ctid = p.place and d.delivery_id = p.delivery_id
    returning d.*
  ), moved as (
    update dbkit.event_delivery_queues q
    set in_flight = q.in_flight + t.n, lease_ends_at = t.new_lease_ends_at,
      due_at = least(t.new_lease_ends_at, case when q.in_flight + t.n >= q.send_window then null
        when q.paused_until > v_now then q.paused_until
        when t.next_at is not null then greatest(t.next_at, v_now) end)
    from turns t
    where q.organization_id = t.organization_id and q.subscription_id = t.subscription_id
  )
  select d.delivery_id, d.organization_id, d.subscription_id, d.webhook_id, d.token, d.attempts + 1,
    s.url, s.headers, s.timeout_seconds, s.secrets_version, m.body, v_until
  from leased d
  cross join lateral (
    select x.url, x.headers, x.timeout_seconds, x.secrets_version
    from dbkit.event_subscriptions x
    where x.organization_id = d.organization_id and x.subscription_id = d.subscription_id
    limit 1) as s
  cross join lateral (
    select x.body
    from dbkit.event_webhook_messages x
    where x.organization_id = d.event_organization_id and x.webhook_id = d.webhook_id
    limit 1) as m;
end
$$;
comment on function dbkit.claim_deliveries(text, int, int) is
  'Leases what is due to a worker, at most p_limit (1 to 10000), for p_lease_seconds (1 to 3600). Commit,
then send, then settle_deliveries with the token; after leased_until somebody else may get it. Of each
subscription no more than its send_window are leased at a time, and all get their turn; fewer
than p_limit does not mean that nothing else is due (get_event_work says when).
body: the exact bytes to sign and send; attempt: from 1.
In a transaction with settle_deliveries call that first.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.claim_deliveries(text, int, int) to service_role, super_admin;
