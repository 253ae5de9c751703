create or replace function dbkit._alert_worker_silence(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
begin
  if dbkit._is_alert_time_now(p_now) and p_window_minutes > 0 and p_params is not null then
    select extract(epoch from p_now - max(w.beat_at))::double precision, nullif(count(*), 0)
    into value, samples
    from dbkit.workers w;
  end if;
end
$$;
comment on function dbkit._alert_worker_silence(timestamptz, int, jsonb) is
  'Seconds since any worker last showed itself; NULL when none did within a day, or for the past.';
grant execute on function dbkit._alert_worker_silence(timestamptz, int, jsonb) to service_role, super_admin;
