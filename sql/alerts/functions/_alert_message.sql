create or replace function dbkit._alert_message(
  p_rule dbkit.alert_rules,
  p_unit text,
  p_value double precision
)
returns text
language sql
immutable
as $$
select case
  when p_value is null then format('%s: no data for %s over the last %s min', p_rule.name, p_rule.metric_type,
    p_rule.window_minutes)
  when p_rule.burn_rate is not null then format('%s: %s burns the error budget at %s × the allowed rate '
    '(limit %s)',
    p_rule.name, p_rule.metric_type, round(p_value::numeric, 2), trim_scale(p_rule.threshold))
  else format('%s: %s is %s%s (%s %s%s over %s min)', p_rule.name, p_rule.metric_type,
    trim_scale(round(p_value::numeric, 3)), rtrim(' ' || p_unit), p_rule.condition,
      trim_scale(p_rule.threshold),
    rtrim(' ' || p_unit), p_rule.window_minutes)
end
$$;
comment on function dbkit._alert_message(dbkit.alert_rules, text, double precision) is
  'An alert in one line.';
