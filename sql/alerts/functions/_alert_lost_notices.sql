create or replace function dbkit._alert_lost_notices(
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
    select count(*)::double precision, count(*)
    into value, samples
    from dbkit.alert_notifications n
    where n.status = 'dead' and n.settled_at > p_now - make_interval(mins => p_window_minutes)
      and n.settled_at <= p_now;
  end if;
end
$$;
comment on function dbkit._alert_lost_notices(timestamptz, int, jsonb) is
  'Notices of alerts that were given up in the window.';
grant execute on function dbkit._alert_lost_notices(timestamptz, int, jsonb) to service_role, super_admin;
