create or replace function dbkit.prune_rate_windows()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_gone bigint;
begin
  perform dbkit.require_service('forgetting counters of rate limits');
  delete from dbkit.api_rate_windows w
  where (w.consumer, w.call, w.window_seconds) in (
    select o.consumer, o.call, o.window_seconds
    from dbkit.api_rate_windows o
    where o.window_start + make_interval(secs => o.window_seconds) < dbkit.clock()
    order by o.consumer, o.call, o.window_seconds
    limit 10000
    for update skip locked);
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;
comment on function dbkit.prune_rate_windows() is
  'Forgets counters whose window is over, at most 10000 at a time; returns how many. A task of workers.
Needs service_role (KD003).';
grant execute on function dbkit.prune_rate_windows() to service_role, super_admin;
