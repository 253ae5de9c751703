create or replace function dbkit._alert_ingest_drops(
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
    select coalesce(sum(d.dropped), 0)::double precision, coalesce(sum(d.dropped), 0)::bigint
    into value, samples
    from dbkit.metric_drops d
    where d.hour > p_now - make_interval(mins => p_window_minutes) - interval '1 hour' and d.hour <= p_now;
  end if;
end
$$;
comment on function dbkit._alert_ingest_drops(timestamptz, int, jsonb) is
  'Events that ingest_metrics did not take in the hours that the window touches.';
grant execute on function dbkit._alert_ingest_drops(timestamptz, int, jsonb) to service_role, super_admin;
