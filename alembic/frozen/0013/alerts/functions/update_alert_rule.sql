create or replace function dbkit.update_alert_rule(
  p_name text,
  p_metric_type text default null,
  p_condition text default null,
  p_threshold numeric default null,
  p_window_minutes int default null,
  p_cooldown_minutes int default null,
  p_severity text default null,
  p_channels jsonb default null,
  p_description text default null,
  p_metric_params jsonb default null,
  p_for_minutes int default null,
  p_keep_firing_minutes int default null,
  p_repeat_minutes int default null,
  p_min_samples int default null,
  p_no_data text default null,
  p_burn_rate jsonb default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.alert_rules;
begin
  perform dbkit.require_service('changing an alert rule');
  v_rule := dbkit._lock_alert_rule(p_name);
  v_rule.metric_type := coalesce(p_metric_type, v_rule.metric_type);
  v_rule.condition := coalesce(p_condition, v_rule.condition);
  v_rule.threshold := coalesce(p_threshold, v_rule.threshold);
  v_rule.window_minutes := coalesce(p_window_minutes, v_rule.window_minutes);
  v_rule.cooldown_minutes := coalesce(p_cooldown_minutes, v_rule.cooldown_minutes);
  v_rule.severity := coalesce(p_severity, v_rule.severity);
  v_rule.channels := coalesce(p_channels, v_rule.channels);
  v_rule.description := coalesce(p_description, v_rule.description);
  v_rule.metric_params := coalesce(p_metric_params, v_rule.metric_params);
  v_rule.for_minutes := coalesce(p_for_minutes, v_rule.for_minutes);
  v_rule.keep_firing_minutes := coalesce(p_keep_firing_minutes, v_rule.keep_firing_minutes);
  v_rule.repeat_minutes := coalesce(p_repeat_minutes, v_rule.repeat_minutes);
  v_rule.min_samples := coalesce(p_min_samples, v_rule.min_samples);
  v_rule.no_data := coalesce(p_no_data, v_rule.no_data);
  v_rule.burn_rate := nullif(coalesce(p_burn_rate, v_rule.burn_rate), '{}');
  perform dbkit._check_alert_rule(v_rule);
  update dbkit.alert_rules r
  set metric_type = v_rule.metric_type, condition = v_rule.condition, threshold = v_rule.threshold,
    window_minutes = v_rule.window_minutes, cooldown_minutes = v_rule.cooldown_minutes,
      severity = v_rule.severity,
    channels = v_rule.channels, description = v_rule.description, metric_params = v_rule.metric_params,
    for_minutes = v_rule.for_minutes, keep_firing_minutes = v_rule.keep_firing_minutes,
    repeat_minutes = v_rule.repeat_minutes, min_samples = v_rule.min_samples, no_data = v_rule.no_data,
    burn_rate = v_rule.burn_rate, updated_at = dbkit.clock()
  where r.id = v_rule.id;
end
$$;
comment on function dbkit.update_alert_rule(
  text, text, text, numeric, int, int, text, jsonb, text, jsonb, int, int, int, int, text,
  jsonb
) is
  'Changes a rule of the caller''s organization: arguments as in create_alert_rule, NULL keeps. p_burn_rate
{}: the metric itself again. An open alert stays open until the changed rule says otherwise.
Needs service_role. Raises KD003, KD720, KD721, KD723.';
grant execute on function dbkit.update_alert_rule(
  text, text, text, numeric, int, int, text, jsonb, text, jsonb, int, int, int, int, text,
  jsonb
) to service_role, super_admin;
