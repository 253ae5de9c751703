-- The state's row is locked, and the unique index stands behind it: what is not inserted here is open
-- already. A metric that cannot be written must not keep an alert from being told: it may be what the alert
-- is about.
create or replace function dbkit._open_alert(
  p_rule_id bigint,
  p_now timestamptz,
  p_pending_since timestamptz,
  p_value double precision
)
returns boolean
language plpgsql
volatile
as $$
declare
  v_rule dbkit.alert_rules;
  v_unit text;
  v_alert dbkit.alert_history;
begin
  select r.*
  into v_rule
  from dbkit.alert_rules r
  where r.id = p_rule_id;
  select m.unit into v_unit from dbkit.alert_metric_sources m where m.metric_type = v_rule.metric_type;
  insert into dbkit.alert_history (organization_id, alert_rule_id, rule_name, triggered_at, pending_since,
    severity,
    metric_value, last_value, message, rule, noticed_at, deployment_log_id)
  values (v_rule.organization_id, p_rule_id, v_rule.name, p_now, p_pending_since, v_rule.severity, p_value,
    p_value,
    dbkit._alert_message(v_rule, v_unit, p_value),
    jsonb_build_object('metric_type', v_rule.metric_type, 'unit', v_unit, 'metric_params',
      v_rule.metric_params,
      'condition', v_rule.condition, 'threshold', v_rule.threshold, 'window_minutes', v_rule.window_minutes,
      'for_minutes', v_rule.for_minutes, 'keep_firing_minutes', v_rule.keep_firing_minutes,
      'min_samples', v_rule.min_samples, 'no_data', v_rule.no_data, 'burn_rate', v_rule.burn_rate,
      'channels', v_rule.channels),
    p_now, dbkit._last_deployment_before(coalesce(p_pending_since, p_now)))
  on conflict (alert_rule_id) where status <> 'resolved' do nothing
  returning * into v_alert;
  if v_alert.id is null then
    return false;
  end if;
  perform dbkit._queue_notices(v_alert, 'triggered', p_now);
  begin
    perform dbkit.record_metric('alert_triggered', jsonb_build_object('alert_id', v_alert.id,
      'rule_name', v_alert.rule_name, 'severity', v_alert.severity, 'value', p_value));
  exception when others then
    raise warning using errcode = sqlstate, message = 'the metric of an alert is not kept: ' || sqlerrm;
  end;
  return true;
end
$$;
comment on function dbkit._open_alert(bigint, timestamptz, timestamptz, double precision) is
  'Opens the alert of a rule whose state is locked, and queues its notices; false when one is open already.';
