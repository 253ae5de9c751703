-- Seen by the evaluation that comes after the gap: none runs during it. doctor looks from outside.
create or replace function dbkit._alert_evaluator_gap(
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
  if p_params is not null and p_window_minutes > 0 then
    select extract(epoch from p_now - max(s.evaluated_at))::double precision / 60, nullif(count(*), 0)
    into value, samples
    from dbkit.alert_rule_states s
    where s.evaluated_at > '-infinity' and s.evaluated_at < p_now;
  end if;
end
$$;
comment on function dbkit._alert_evaluator_gap(timestamptz, int, jsonb) is
  'Minutes since rules were last evaluated, as of this evaluation; NULL the first time.';
grant execute on function dbkit._alert_evaluator_gap(timestamptz, int, jsonb) to service_role, super_admin;
