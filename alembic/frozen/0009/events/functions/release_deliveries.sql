create or replace function dbkit.release_deliveries(p_leases jsonb)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_organizations text[];
  v_subscriptions uuid[];
  v_released int;
begin
  perform dbkit.require_service('releasing deliveries');
  perform dbkit._check_delivery_list(p_leases, 'p_leases');
  select array_agg(d.organization_id), array_agg(d.subscription_id)
  into v_organizations, v_subscriptions
  from jsonb_to_recordset(p_leases) as r (delivery_id bigint)
  cross join lateral (
    select l.organization_id, l.subscription_id
    from dbkit.event_delivery_log l
    where l.delivery_id = r.delivery_id
    order by l.delivery_id, l.organization_id
    limit 1) as d;
  perform dbkit._lock_delivery_queues(v_organizations, v_subscriptions);
  with leases as materialized (
    select r.delivery_id, l.ctid as place
    from jsonb_to_recordset(p_leases) as r (delivery_id bigint, token int)
    cross join lateral (
      select l.ctid, l.token, l.status
      from dbkit.event_delivery_log l
      where l.delivery_id = r.delivery_id
      order by l.delivery_id, l.organization_id
      limit 1) as l
    where l.token = r.token and l.status = 'leased'
  ), released as (
    update dbkit.event_delivery_log d
    set status = case d.attempts when 0 then 'pending' else 'retry_wait' end, next_attempt_at = d.created_at
    from leases r
    where d.ctid = r.place and d.delivery_id = r.delivery_id
    returning d.organization_id, d.subscription_id
  ), counted as (
    select r.organization_id, r.subscription_id, count(*)::int as n
    from released r
    group by r.organization_id, r.subscription_id
  ), moved as (
    update dbkit.event_delivery_queues q
    set in_flight = q.in_flight - c.n,
      lease_ends_at = case q.in_flight when c.n then 'infinity' else q.lease_ends_at end
    from counted c
    where q.organization_id = c.organization_id and q.subscription_id = c.subscription_id
  )
  select coalesce(sum(c.n), 0)::int
  into v_released
  from counted c;
  perform dbkit._refresh_delivery_queues(v_organizations, v_subscriptions);
  return v_released;
end
$$;
comment on function dbkit.release_deliveries(jsonb) is
  'Gives leased deliveries back that were not sent: they are due at once, and no attempt is counted.
p_leases: [{delivery_id, token}], at most 10000; those whose lease has ended are left out. How many it were.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.release_deliveries(jsonb) to service_role, super_admin;
