create or replace function dbkit._alert_releases_switched_back(
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
  if p_params is not null then
    select count(*) into samples
    from dbkit.api_releases r
    where r.status = 'switched_back' and r.ended_at > p_now - make_interval(mins => p_window_minutes)
      and r.ended_at <= p_now;
    value := samples::double precision;
  end if;
end
$$;
comment on function dbkit._alert_releases_switched_back(timestamptz, int, jsonb) is
  'Guarded releases that their guard switched back within the window.';
grant execute on function dbkit._alert_releases_switched_back(timestamptz, int, jsonb)
to service_role, super_admin;
