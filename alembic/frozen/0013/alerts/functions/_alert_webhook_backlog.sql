-- Counted up to 10000: a backlog is a backlog.
create or replace function dbkit._alert_webhook_backlog(
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
  if dbkit._is_alert_time_now(p_now) and p_params is not null then
    select count(*)::double precision, count(*)
    into value, samples
    from (
      select from dbkit.event_delivery_log d
      where d.status in ('pending', 'retry_wait')
        and d.created_at <= p_now - make_interval(mins => p_window_minutes)
      limit 10000) as w;
  end if;
end
$$;
comment on function dbkit._alert_webhook_backlog(timestamptz, int, jsonb) is
  'Webhook deliveries that have waited for longer than the window, counted up to 10000; NULL for the past.';
grant execute on function dbkit._alert_webhook_backlog(timestamptz, int, jsonb) to service_role, super_admin;
