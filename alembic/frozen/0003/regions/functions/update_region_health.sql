-- One upsert that counts inside the row: checkers that report at once wait for each other on it,
-- and no failure is lost.
create or replace function dbkit.update_region_health(
  p_region_id text,
  p_healthy boolean,
  p_latency_ms int default null
)
returns table (
  region_id text,
  healthy boolean,
  latency_ms int,
  consecutive_failures int,
  last_check_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_problem text := case
    when p_healthy is null then 'p_healthy must be true or false'
    when p_latency_ms < 0 then 'p_latency_ms must be 0 or more'
  end;
begin
  perform dbkit.require_service('reporting a region''s health');
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  perform dbkit.require_region(p_region_id);
  return query
    insert into dbkit.region_health as h
      (region_id, healthy, latency_ms, consecutive_failures, last_check_at, last_healthy_at)
    values (p_region_id, p_healthy, p_latency_ms, case when p_healthy then 0 else 1 end, v_now,
      case when p_healthy then v_now end)
    on conflict on constraint region_health_pkey do update
    set healthy = excluded.healthy,
      latency_ms = coalesce(excluded.latency_ms, h.latency_ms),
      consecutive_failures = case when excluded.healthy then 0 else h.consecutive_failures + 1 end,
      last_check_at = greatest(h.last_check_at, excluded.last_check_at),
      last_healthy_at = greatest(h.last_healthy_at, excluded.last_healthy_at)
    returning h.region_id, h.healthy, h.latency_ms, h.consecutive_failures, h.last_check_at;
end
$$;
comment on function dbkit.update_region_health(text, boolean, int) is
  'Reports a health check: counts failures in a row, a good check sets them to 0. Returns the row.
p_latency_ms in milliseconds; NULL keeps the last one measured. Errors: KD003 without service_role,
KD004 for a bad argument, KD301 for an unknown region.
Nullable: latency_ms.';
grant execute on function dbkit.update_region_health(text, boolean, int) to service_role, super_admin;
