create or replace function dbkit._alert_series(p_rule dbkit.alert_rules, p_from timestamptz, p_to timestamptz)
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select jsonb_agg(jsonb_build_object('at', t.at, 'value', m.value, 'error', m.error) order by t.at)
    from (select p_from + (p_to - p_from) * n / 29 as at from generate_series(0, 29) as n) as t
    cross join lateral dbkit._measure_alert_rule(p_rule, t.at) as m);
end
$$;
comment on function dbkit._alert_series(dbkit.alert_rules, timestamptz, timestamptz) is
  'What a rule compares, at 30 times.';
grant execute on function dbkit._alert_series(dbkit.alert_rules, timestamptz, timestamptz)
to service_role, super_admin;
