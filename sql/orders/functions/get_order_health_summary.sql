-- Definer: the view has no policies, so nobody may read it, and this asks who calls.
create or replace function dbkit.get_order_health_summary(
  p_store_id bigint default null,
  p_hours int default 24
)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_stores bigint[];
  v_from timestamptz;
  v_sum jsonb;
begin
  if p_hours between 1 and 744 is not true then
    perform dbkit.raise_error('KD004', 'p_hours must be between 1 and 744 (31 days)',
      jsonb_build_object('argument', 'p_hours', 'value', p_hours));
  end if;
  v_stores := dbkit._visible_health_stores(p_store_id);
  v_from := date_trunc('hour', dbkit.clock(), 'UTC') - make_interval(hours => p_hours - 1);
  with money as (
    select m.currency, sum(m.total_orders) as total, sum(m.completed_orders) as completed,
      sum(m.cancelled_orders) as cancelled, sum(m.active_orders) as active,
      sum(m.stuck_preparing) as preparing, sum(m.stuck_ready) as ready,
      sum(m.completion_minutes) as minutes, sum(m.revenue) as revenue
    from dbkit.mv_order_health m
    where (v_stores is null or m.store_id = any (v_stores)) and m.hour >= v_from
    group by m.currency)
  select jsonb_build_object(
    'total_orders', coalesce(sum(m.total), 0), 'completed_orders', coalesce(sum(m.completed), 0),
    'cancelled_orders', coalesce(sum(m.cancelled), 0), 'active_orders', coalesce(sum(m.active), 0),
    'stuck_preparing', coalesce(sum(m.preparing), 0), 'stuck_ready', coalesce(sum(m.ready), 0),
    'stuck_orders', coalesce(sum(m.preparing + m.ready), 0),
    'completion_rate', round(100 * sum(m.completed) / nullif(sum(m.completed + m.cancelled), 0), 2),
    'avg_completion_minutes', round(sum(m.minutes) / nullif(sum(m.completed), 0), 2),
    'avg_order_value', coalesce(jsonb_object_agg(m.currency, round(m.revenue / (m.total - m.cancelled), 2))
      filter (where m.total > m.cancelled), '{}'),
    'revenue', coalesce(jsonb_object_agg(m.currency, m.revenue) filter (where m.currency is not null), '{}'))
  into v_sum
  from money m;
  return v_sum || jsonb_build_object('store_id', p_store_id, 'hours', p_hours, 'from_hour', v_from,
    'refreshed_at', (select r.refreshed_at from dbkit.order_health_refreshes r));
end
$$;
comment on function dbkit.get_order_health_summary(bigint, int) is
  'How the orders of the last p_hours hours (1 to 744, by the hour they were made in; the current one counts)
went, as of refreshed_at (NULL: mv_order_health has not been refreshed yet). Without a store: all that the
caller works in, for the service all there are. completion_rate: per cent of those that ended;
avg_order_value and
revenue: by currency, orders not cancelled; avg_completion_minutes: of completed ones.
Returns {store_id bigint?, hours int, from_hour timestamptz, refreshed_at timestamptz?, total_orders bigint, completed_orders bigint, cancelled_orders bigint, active_orders bigint, stuck_preparing bigint, stuck_ready bigint, stuck_orders bigint, completion_rate numeric?, avg_completion_minutes numeric?, avg_order_value jsonb, revenue jsonb}.
For staff of the store, and service_role. Raises KD003, KD004, KD402.';
grant execute on function dbkit.get_order_health_summary(bigint, int)
to authenticated, service_role, super_admin;
