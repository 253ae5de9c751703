-- Sums beside averages, because averages of hours cannot be added up. An amount has its currency in the
-- key. The age of what is stuck is that of the refresh. A month of it: that is what anybody asks for, and a
-- refresh reads no older orders. A materialized view knows no RLS: nobody but the service may read it.
create materialized view dbkit.mv_order_health as
select
  o.organization_id,
  o.store_id,
  date_trunc('hour', o.created_at, 'UTC') as hour,
  o.currency,
  count(*)::int as total_orders,
  count(*) filter (where o.status = 'completed')::int as completed_orders,
  count(*) filter (where o.status = 'cancelled')::int as cancelled_orders,
  count(*) filter (where o.status not in ('completed', 'cancelled'))::int as active_orders,
  count(*) filter (
    where o.status = 'preparing' and o.status_changed_at < dbkit.clock() - interval '30 minutes'
  )::int as stuck_preparing,
  count(*) filter (
    where o.status = 'ready' and o.status_changed_at < dbkit.clock() - interval '1 hour'
  )::int as stuck_ready,
  coalesce(round(sum(extract(epoch from o.completed_at - o.created_at)) / 60, 2), 0) as completion_minutes,
  round(avg(extract(epoch from o.completed_at - o.created_at)) / 60, 2) as avg_completion_minutes,
  round(avg(o.total) filter (where o.status <> 'cancelled'), 2) as avg_order_value,
  coalesce(sum(o.total) filter (where o.status <> 'cancelled'), 0) as revenue
from dbkit.orders o
where o.created_at >= dbkit.clock() - interval '31 days'
group by o.organization_id, o.store_id, date_trunc('hour', o.created_at, 'UTC'), o.currency;
comment on materialized view dbkit.mv_order_health is
  'Orders of the last 31 days by store, hour in which they were made (UTC) and currency, as of the last
refresh_order_health. get_order_health_summary adds it up for those who may see it.';
comment on column dbkit.mv_order_health.stuck_preparing is 'In preparing for more than 30 minutes.';
comment on column dbkit.mv_order_health.stuck_ready is 'In ready for more than an hour.';
comment on column dbkit.mv_order_health.completion_minutes is
  'From order to completion, summed over completed_orders.';
comment on column dbkit.mv_order_health.avg_completion_minutes is 'NULL where none is completed.';
comment on column dbkit.mv_order_health.avg_order_value is
  'Of orders not cancelled, tax included; NULL where all are.';
comment on column dbkit.mv_order_health.revenue is 'Sum of the totals of orders not cancelled.';
create unique index idx_mv_order_health
on dbkit.mv_order_health (organization_id, store_id, hour, currency);
create index idx_mv_order_health_store on dbkit.mv_order_health (store_id, hour);
grant select on dbkit.mv_order_health to service_role, super_admin;
