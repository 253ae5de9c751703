create or replace function dbkit.update_region_sync_status(
  p_source_region text,
  p_target_region text,
  p_lag_ms bigint,
  p_lag_bytes bigint
)
returns table (
  source_region text,
  target_region text,
  lag_ms bigint,
  lag_bytes bigint,
  measured_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_problem text := case
    when p_source_region = p_target_region then 'p_target_region must be another than p_source_region'
    when p_lag_ms < 0 then 'p_lag_ms must be 0 or more, or null'
    when p_lag_bytes < 0 then 'p_lag_bytes must be 0 or more, or null'
  end;
begin
  perform dbkit.require_service('reporting replication lag');
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  perform dbkit.require_region(p_source_region);
  perform dbkit.require_region(p_target_region);
  return query
    insert into dbkit.region_sync_status as s
      (source_region, target_region, lag_ms, lag_bytes, measured_at)
    values (p_source_region, p_target_region, p_lag_ms, p_lag_bytes, dbkit.clock())
    on conflict on constraint region_sync_status_pkey do update
    set lag_ms = excluded.lag_ms,
      lag_bytes = excluded.lag_bytes,
      measured_at = excluded.measured_at
    where s.measured_at <= excluded.measured_at
    returning s.source_region, s.target_region, s.lag_ms, s.lag_bytes, s.measured_at;
end
$$;
comment on function dbkit.update_region_sync_status(text, text, bigint, bigint) is
  'Reports how far a target region is behind its source, in milliseconds and in bytes; NULL when it
could not be measured. Returns the row, or none when a newer report is there already. Errors: KD003
without service_role, KD004 for a bad argument, KD301 for an unknown region.
Nullable: p_lag_ms, p_lag_bytes.';
grant execute on function dbkit.update_region_sync_status(text, text, bigint, bigint)
to service_role, super_admin;
