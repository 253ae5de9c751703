-- Queues first, in order, as everybody does. What succeeded is one statement; what failed is worth a
-- look each. The plan is fixed as in claim_deliveries, and for its reason: each row is looked up by its
-- id, by itself, and then written where it is; once more after the lock, because it may have moved.
create or replace function dbkit.settle_deliveries(p_results jsonb)
returns jsonb
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
declare
  v_now timestamptz := dbkit.clock();
  v_organizations text[];
  v_subscriptions uuid[];
  v_settled bigint[];
  v_unquotable bigint[];
  v_streams text[];
  v_failed record;
begin
  perform dbkit.require_service('settling deliveries');
  perform dbkit._check_delivery_list(p_results, 'p_results');
  v_unquotable := dbkit._unquotable_deliveries(p_results);
  select array_agg(d.organization_id), array_agg(d.subscription_id)
  into v_organizations, v_subscriptions
  from jsonb_to_recordset(p_results) as r (delivery_id bigint)
  cross join lateral (
    select l.organization_id, l.subscription_id
    from dbkit.event_delivery_log l
    where l.delivery_id = r.delivery_id
    order by l.delivery_id, l.organization_id
    limit 1) as d;
  perform dbkit._lock_delivery_queues(v_organizations, v_subscriptions);
  with results as materialized (
    select r.delivery_id, r.status_code, r.duration_ms, l.ctid as place
    from jsonb_to_recordset(p_results)
      as r (delivery_id bigint, token int, status_code int, error text, duration_ms int)
    cross join lateral (
      select l.ctid, l.token, l.status
      from dbkit.event_delivery_log l
      where l.delivery_id = r.delivery_id
      order by l.delivery_id, l.organization_id
      limit 1) as l
    where r.status_code between 200 and 299 and coalesce(r.error, '') = '' and l.token = r.token and l.status = 'leased'
  ), done as (
    update dbkit.event_delivery_log d
    set status = 'delivered', attempts = d.attempts + 1, finished_at = v_now, last_error = null,
      last_status_code = r.status_code, last_duration_ms = r.duration_ms
    from results r
    where d.ctid = r.place and d.delivery_id = r.delivery_id
    returning d.delivery_id, d.organization_id, d.subscription_id, d.stream_key
  ), counted as (
    select d.organization_id, d.subscription_id, count(*)::int as n
    from done d
    group by d.organization_id, d.subscription_id
  ), moved as (
    update dbkit.event_delivery_queues q
    set in_flight = q.in_flight - c.n, send_window = least(q.send_window + c.n, s.max_in_flight),
      consecutive_failures = 0, failing_since = null,
      lease_ends_at = case q.in_flight when c.n then 'infinity' else q.lease_ends_at end,
      due_at = least(case q.in_flight when c.n then 'infinity' else q.lease_ends_at end,
        case when w.next_at is null then null
          when greatest(w.next_at, q.paused_until) <= v_now then least(q.due_at, v_now)
          else greatest(w.next_at, q.paused_until) end)
    from counted c
    join dbkit.event_subscriptions s on s.organization_id = c.organization_id
      and s.subscription_id = c.subscription_id
    cross join lateral (
      select min(d.next_attempt_at) as next_at
      from dbkit.event_delivery_log d
      where d.organization_id = c.organization_id and d.subscription_id = c.subscription_id
        and d.status in ('pending', 'retry_wait')) as w
    where q.organization_id = c.organization_id and q.subscription_id = c.subscription_id
  )
  select array_agg(d.delivery_id),
    array_agg(array[d.organization_id, d.subscription_id::text, d.stream_key])
      filter (where d.stream_key is not null)
  into v_settled, v_streams
  from done d;
  if v_streams is not null then
    perform dbkit._unblock_streams(v_streams[:][1:1], v_streams[:][2:2]::uuid[], v_streams[:][3:3]);
  end if;
  v_settled := coalesce(v_settled, '{}');
  if cardinality(v_settled) < jsonb_array_length(p_results) then
    for v_failed in
      select r.*
      from jsonb_to_recordset(p_results) as r (delivery_id bigint, token int, status_code int, error text,
        retry_after text, duration_ms int, response text)
      where (r.status_code between 200 and 299 and coalesce(r.error, '') = '') is not true
    loop
      if v_failed.delivery_id = any (v_unquotable) then
        v_failed.error := dbkit._without_quotation(v_failed.error);
        v_failed.response := null;
      end if;
      if dbkit._fail_delivery(v_failed.delivery_id, v_failed.token, v_failed.status_code, v_failed.error,
        v_failed.retry_after, v_failed.duration_ms, v_failed.response)
      then
        v_settled := v_settled || v_failed.delivery_id;
      end if;
    end loop;
  end if;
  return jsonb_build_object('settled', cardinality(v_settled), 'stale', coalesce((
    select jsonb_agg(r.delivery_id)
    from jsonb_to_recordset(p_results) as r (delivery_id bigint)
    where r.delivery_id <> all (v_settled)
      and cardinality(v_settled) < jsonb_array_length(p_results)), '[]'));
end
$$;
comment on function dbkit.settle_deliveries(jsonb) is
  'What became of deliveries that claim_deliveries leased. p_results: [{delivery_id, token, status_code?,
error?, retry_after?, duration_ms?, response?}], at most 10000. Only a status of 200 to 299 without an error
is success (an empty one is none). error: a kind and a message, "timeout: …" (connect, dns, tls, reset, protocol, blocked …);
blocked is never tried again. retry_after: the header as it came. response: an excerpt, of which 1000
characters are kept, none of an event that names somebody who was forgotten. 410 disables the subscription; 429, 502, 504 and Retry-After make its endpoint rest;
else it is tried again as retry_schedule says, and after the last attempt it is dead.
stale: not settled, because the lease had ended and the delivery was returned, or there is no such one.
Returns {settled int, stale bigint[]}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.settle_deliveries(jsonb) to service_role, super_admin;
