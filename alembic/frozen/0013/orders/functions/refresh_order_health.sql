-- Definer, because only its owner may refresh a view. CONCURRENTLY: who reads sees the old rows until the
-- new ones are there, and waits for nothing. A view without rows (restored without data) cannot be
-- refreshed so, and nobody can read it either. Locks: an advisory one, so that of two only one works.
create or replace function dbkit.refresh_order_health()
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_begin constant timestamptz := clock_timestamp();
  v_as_of constant timestamptz := dbkit.clock();
  v_row dbkit.order_health_refreshes;
begin
  perform dbkit.require_service('refreshing the health of orders');
  if not pg_try_advisory_xact_lock(hashtextextended('dbkit.mv_order_health', 0)) then
    return jsonb_build_object('refreshed', false, 'refreshed_at', null, 'rows', null, 'took_ms', null);
  end if;
  if (select c.relispopulated from pg_class c where c.oid = to_regclass('dbkit.mv_order_health')) then
    refresh materialized view concurrently dbkit.mv_order_health;
  else
    refresh materialized view dbkit.mv_order_health;
  end if;
  insert into dbkit.order_health_refreshes as r (refreshed_at, took_ms, view_rows)
  select v_as_of, extract(epoch from clock_timestamp() - v_begin) * 1000, count(*)
  from dbkit.mv_order_health
  on conflict (is_only) do update
  set refreshed_at = excluded.refreshed_at, took_ms = excluded.took_ms, view_rows = excluded.view_rows
  returning * into v_row;
  perform dbkit._record_metric('performance', jsonb_build_object('metric', 'refresh_order_health',
    'value', v_row.took_ms, 'rows', v_row.view_rows));
  return jsonb_build_object('refreshed', true, 'refreshed_at', v_as_of, 'rows', v_row.view_rows,
    'took_ms', v_row.took_ms);
end
$$;
comment on function dbkit.refresh_order_health() is
  'Refreshes mv_order_health while it is being read, and logs that to runtime_metrics (performance). One that
meets another at work does nothing: refreshed is false then.
Returns {refreshed boolean, refreshed_at timestamptz?, rows int?, took_ms numeric?}.
Needs service_role. Raises KD003.';
grant execute on function dbkit.refresh_order_health() to service_role, super_admin;
