create or replace function dbkit._alert_notice(
  p_alert dbkit.alert_history,
  p_transition text,
  p_at timestamptz
)
returns jsonb
language plpgsql
stable
as $$
begin
  return jsonb_build_object('alert_id', p_alert.id, 'organization_id', p_alert.organization_id,
    'rule', p_alert.rule_name, 'severity', p_alert.severity, 'transition', p_transition, 'n', p_alert.notices,
    'message', p_alert.message, 'metric_type', p_alert.rule ->> 'metric_type', 'unit',
    p_alert.rule ->> 'unit',
    'condition', p_alert.rule ->> 'condition', 'threshold', p_alert.rule -> 'threshold',
    'window_minutes', p_alert.rule -> 'window_minutes', 'is_burn_rate', p_alert.rule -> 'burn_rate' <> 'null',
    'value', p_alert.metric_value, 'last_value', p_alert.last_value, 'at', p_at,
    'triggered_at', p_alert.triggered_at, 'resolved_at', p_alert.resolved_at, 'resolved_by',
    p_alert.resolved_by,
    'resolution_note', p_alert.resolution_note,
    'deployment', (
      select jsonb_build_object('deployment_id', d.deployment_id, 'kind', d.kind, 'version', d.version,
        'deployed_at', d.deployed_at)
      from dbkit.deployment_log d
      where d.id = p_alert.deployment_log_id));
end
$$;
comment on function dbkit._alert_notice(dbkit.alert_history, text, timestamptz) is
  'What a notice tells, for the templates.';
