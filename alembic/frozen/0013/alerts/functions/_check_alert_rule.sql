-- The table's checks say the same; here it is said to a person.
create or replace function dbkit._check_alert_rule(p_rule dbkit.alert_rules)
returns void
language plpgsql
volatile
as $$
declare
  v_problem text[];
begin
  if not exists (select from dbkit.alert_metric_sources m where m.metric_type = p_rule.metric_type) then
    perform dbkit.raise_error('KD723',
      format('there is no metric %s', coalesce(quote_literal(p_rule.metric_type), 'NULL')),
      jsonb_build_object('metric_type', p_rule.metric_type), 'dbkit.get_alert_metrics() lists them.');
  end if;
  v_problem := case
    when (length(p_rule.name) between 1 and 100 and p_rule.name !~ '[[:cntrl:]]') is not true
      then array['p_name', 'must have 1 to 100 characters, none of them a control character']
    when (length(p_rule.description) <= 500) is not true
      then array['p_description', 'must have at most 500 characters']
    when (jsonb_typeof(p_rule.metric_params) = 'object' and length(p_rule.metric_params::text) <= 8000)
      is not true
      then array['p_metric_params', 'must be a JSON object of at most 8000 characters']
    when (p_rule.condition in ('gt', 'lt', 'gte', 'lte', 'eq')) is not true
      then array['p_condition', 'must be gt, lt, gte, lte or eq']
    when (p_rule.threshold > '-Infinity' and p_rule.threshold < 'Infinity') is not true
      then array['p_threshold', 'must be a finite number: NULL and NaN compare with nothing']
    when abs(p_rule.threshold) > 1e300 then array['p_threshold', 'must be between -1e300 and 1e300']
    when (p_rule.window_minutes between 1 and 43200) is not true
      then array['p_window_minutes', 'must be between 1 and 43200']
    when (p_rule.for_minutes between 0 and 10080) is not true
      then array['p_for_minutes', 'must be between 0 and 10080']
    when (p_rule.keep_firing_minutes between 0 and 10080) is not true
      then array['p_keep_firing_minutes', 'must be between 0 and 10080']
    when (p_rule.cooldown_minutes between 0 and 10080) is not true
      then array['p_cooldown_minutes', 'must be between 0 and 10080']
    when (p_rule.repeat_minutes between 0 and 10080) is not true
      then array['p_repeat_minutes', 'must be between 0 and 10080']
    when (p_rule.min_samples >= 0) is not true then array['p_min_samples', 'must not be negative']
    when (p_rule.no_data in ('ok', 'alerting', 'keep_last', 'no_data')) is not true
      then array['p_no_data', 'must be ok, alerting, keep_last or no_data']
    when (p_rule.severity in ('info', 'warning', 'critical')) is not true
      then array['p_severity', 'must be info, warning or critical']
    when p_rule.enabled is null then array['p_enabled', 'must be true or false']
    when dbkit._are_alert_channels(p_rule.channels) is not true
      then array['p_channels', 'must be a JSON array of at most 20 names, each of letters, digits, -, _ and '
        '.']
    when p_rule.burn_rate is not null and dbkit._is_burn_rate(p_rule.burn_rate) is not true
      then array['p_burn_rate', 'must be {"objective": 0 to 99.9999, "windows": [1 to 4 of {"factor": above '
        '0,'
        || ' "long_minutes": 1 to 43200, "short_minutes": 1 to long_minutes}]}']
  end;
  if v_problem is not null then
    perform dbkit._raise_invalid_alert_rule(v_problem[1], v_problem[2]);
  end if;
end
$$;
comment on function dbkit._check_alert_rule(dbkit.alert_rules) is
  'Raises KD721 or KD723 unless the rule can be kept.';
grant execute on function dbkit._check_alert_rule(dbkit.alert_rules) to service_role, super_admin;
