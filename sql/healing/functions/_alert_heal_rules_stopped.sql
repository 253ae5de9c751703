create or replace function dbkit._alert_heal_rules_stopped(
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
    select (count(*) filter (where r.tripped_at is not null or r.last_outcome = 'failed'))::double precision, count(*)
    into value, samples
    from dbkit.get_heal_rules() r
    where r.enabled;
  end if;
end
$$;
comment on function dbkit._alert_heal_rules_stopped(timestamptz, int, jsonb) is
  'Heal rules that have tripped, or whose last run failed; NULL for the past.';
grant execute on function dbkit._alert_heal_rules_stopped(timestamptz, int, jsonb)
to service_role, super_admin;
