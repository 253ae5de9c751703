create or replace function dbkit.create_alert_rule(
  p_name text,
  p_metric_type text,
  p_condition text,
  p_threshold numeric,
  p_window_minutes int default 15,
  p_cooldown_minutes int default 15,
  p_severity text default 'warning',
  p_channels jsonb default '[]',
  p_enabled boolean default true,
  p_description text default '',
  p_metric_params jsonb default '{}',
  p_for_minutes int default 0,
  p_keep_firing_minutes int default 0,
  p_repeat_minutes int default 0,
  p_min_samples int default 0,
  p_no_data text default 'ok',
  p_burn_rate jsonb default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.alert_rules;
begin
  perform dbkit.require_service('making an alert rule');
  v_rule.organization_id := dbkit.current_organization();
  v_rule.name := p_name;
  v_rule.description := p_description;
  v_rule.metric_type := p_metric_type;
  v_rule.metric_params := p_metric_params;
  v_rule.condition := p_condition;
  v_rule.threshold := p_threshold;
  v_rule.window_minutes := p_window_minutes;
  v_rule.for_minutes := p_for_minutes;
  v_rule.keep_firing_minutes := p_keep_firing_minutes;
  v_rule.cooldown_minutes := p_cooldown_minutes;
  v_rule.repeat_minutes := p_repeat_minutes;
  v_rule.min_samples := p_min_samples;
  v_rule.no_data := p_no_data;
  v_rule.burn_rate := p_burn_rate;
  v_rule.severity := p_severity;
  v_rule.channels := p_channels;
  v_rule.enabled := p_enabled;
  return dbkit._create_alert_rule(v_rule);
end
$$;
comment on function dbkit.create_alert_rule(
  text, text, text, numeric, int, int, text, jsonb, boolean, text, jsonb, int, int, int, int,
  text, jsonb
) is
  'A rule of the caller''s organization; returns its id. It fires when the metric, over the last
p_window_minutes (1 to 43200), is p_condition (gt, lt, gte, lte, eq) p_threshold, a finite number.
p_cooldown_minutes: from one incident to the next, at least. p_severity: info, warning, critical.
p_channels: names of alert channels, or kinds (email, slack, sms). p_metric_params: for the metric''s
function.
p_for_minutes: so long the condition must hold first. p_keep_firing_minutes: so long it must not hold before
the alert is resolved. p_repeat_minutes: an open alert is told again so often, 0 never. All of these 0 to
10080.
p_min_samples: fewer count as no data. p_no_data: what no data means: ok, alerting, keep_last, no_data.
p_burn_rate: {"objective": 99.9, "windows": [{"factor": 14.4, "long_minutes": 60, "short_minutes": 5}]}: the
value is then how far the error budget burns above factor times the objective''s rate, 1 at the limit.
Nullable: p_burn_rate.
Needs service_role. Raises KD003, KD721, KD722, KD723.';
grant execute on function dbkit.create_alert_rule(
  text, text, text, numeric, int, int, text, jsonb, boolean, text, jsonb, int, int, int, int,
  text, jsonb
) to service_role, super_admin;
