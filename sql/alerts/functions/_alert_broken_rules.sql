create or replace function dbkit._alert_broken_rules(
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
    select count(*) filter (where s.last_error is not null)::double precision, count(*)
    into value, samples
    from dbkit.alert_rule_states s
    join dbkit.alert_rules r on r.id = s.rule_id
    where r.enabled;
  end if;
end
$$;
comment on function dbkit._alert_broken_rules(timestamptz, int, jsonb) is
  'Enabled rules that could not be measured the last time; NULL for the past.';
grant execute on function dbkit._alert_broken_rules(timestamptz, int, jsonb) to service_role, super_admin;
