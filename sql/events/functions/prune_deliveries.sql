-- Deliveries that are done change no more unless they are replayed, so their rows are locked and not
-- their queues. A message goes with the last delivery that refers to it; nobody makes another one
-- meanwhile, because the fan-out's lock is held.
create or replace function dbkit.prune_deliveries(
  p_older_than interval default '30 days',
  p_limit int default 10000
)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_before timestamptz;
  v_organizations text[];
  v_webhooks text[];
begin
  perform dbkit.require_service('pruning deliveries');
  if (p_older_than between interval '1 hour' and interval '100 years' and p_limit between 1 and 100000) is not true
  then
    perform dbkit.raise_error('KD004', 'p_older_than must be 1 hour to 100 years, and p_limit 1 to 100000',
      '{"argument": "p_older_than, p_limit"}');
  end if;
  v_before := dbkit.clock() - p_older_than;
  perform dbkit._lock_fan_out();
  with old as materialized (
    select d.delivery_id, d.organization_id
    from dbkit.event_delivery_log d
    where d.created_at < v_before and d.finished_at < v_before
      and d.status in ('delivered', 'dead', 'skipped')
      and not exists (
        select from dbkit.event_dead_letters l
        where d.status = 'dead' and l.organization_id = d.organization_id and l.source = 'webhook'
          and l.source_name = d.subscription_id::text and coalesce(l.delivery_id, -l.position) = d.delivery_id
          and l.status = 'open')
    limit p_limit
    for update skip locked
  ), pruned as (
    delete from dbkit.event_delivery_log d
    using old o
    where d.delivery_id = o.delivery_id and d.organization_id = o.organization_id
    returning d.event_organization_id, d.webhook_id
  )
  select array_agg(p.event_organization_id), array_agg(p.webhook_id)
  into v_organizations, v_webhooks
  from pruned p;
  delete from dbkit.event_webhook_messages m
  using unnest(v_organizations, v_webhooks) as p (organization_id, webhook_id)
  where m.organization_id = p.organization_id and m.webhook_id = p.webhook_id and not exists (
    select
    from dbkit.event_subscriptions s
    join dbkit.event_delivery_log d on d.organization_id = s.organization_id
      and d.subscription_id = s.subscription_id and d.position = m.position);
  return coalesce(cardinality(v_webhooks), 0);
end
$$;
comment on function dbkit.prune_deliveries(interval, int) is
  'Deletes deliveries that were done longer ago than p_older_than (1 hour to 100 years), at most p_limit (1 to
100000), and what they sent; how many it were. Those with an open dead letter stay. Events are not touched.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.prune_deliveries(interval, int) to service_role, super_admin;
