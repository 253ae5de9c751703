create or replace function dbkit._deployment_shift(p_alert dbkit.alert_history, p_rule dbkit.alert_rules)
returns jsonb
language plpgsql
stable
as $$
declare
  v_deployment dbkit.deployment_log;
  v_rule dbkit.alert_rules := p_rule;
  v_minutes int;
  v_before record;
  v_after record;
begin
  select d.*
  into v_deployment
  from dbkit.deployment_log d
  where d.id = p_alert.deployment_log_id;
  if v_deployment.id is null then
    return null;
  end if;
  -- As long after it as there was, and as long before.
  v_minutes := least(greatest(
    ceil(extract(epoch from p_alert.triggered_at - v_deployment.deployed_at) / 60)::int, 1), 1440);
  v_rule.window_minutes := v_minutes;
  v_rule.burn_rate := null;
  v_before := dbkit._measure_alert_rule(v_rule, v_deployment.deployed_at);
  v_after := dbkit._measure_alert_rule(v_rule, v_deployment.deployed_at + make_interval(mins => v_minutes));
  return jsonb_build_object('deployment_id', v_deployment.deployment_id, 'kind', v_deployment.kind,
    'version', v_deployment.version, 'status', v_deployment.status, 'deployed_at', v_deployment.deployed_at,
    'deployed_by', v_deployment.deployed_by, 'window_minutes', v_minutes, 'before', v_before.value,
    'before_samples', v_before.samples, 'after', v_after.value, 'after_samples', v_after.samples,
    'shift', v_after.value - v_before.value);
end
$$;
comment on function dbkit._deployment_shift(dbkit.alert_history, dbkit.alert_rules) is
  'The deployment before an alert, and what the metric was before and after it.';
grant execute on function dbkit._deployment_shift(dbkit.alert_history, dbkit.alert_rules)
to service_role, super_admin;
