create or replace function dbkit._create_alert_rule(p_rule dbkit.alert_rules)
returns bigint
language plpgsql
volatile
as $$
declare
  v_id bigint;
begin
  perform dbkit._check_alert_rule(p_rule);
  insert into dbkit.alert_rules (organization_id, name, description, metric_type, metric_params, condition,
    threshold,
    window_minutes, for_minutes, keep_firing_minutes, cooldown_minutes, repeat_minutes, min_samples, no_data,
    burn_rate, severity, channels, enabled, created_at, created_by, updated_at)
  values (p_rule.organization_id, p_rule.name, p_rule.description, p_rule.metric_type, p_rule.metric_params,
    p_rule.condition, p_rule.threshold, p_rule.window_minutes, p_rule.for_minutes, p_rule.keep_firing_minutes,
    p_rule.cooldown_minutes, p_rule.repeat_minutes, p_rule.min_samples, p_rule.no_data, p_rule.burn_rate,
    p_rule.severity, p_rule.channels, p_rule.enabled, dbkit.clock(), dbkit.caller_role(), dbkit.clock())
  on conflict (organization_id, name) do nothing
  returning id into v_id;
  if v_id is null then
    perform dbkit.raise_error('KD722', format('there is an alert rule %L already', p_rule.name),
      jsonb_build_object('name', p_rule.name), 'update_alert_rule changes it.');
  end if;
  insert into dbkit.alert_rule_states (rule_id, organization_id) values (v_id, p_rule.organization_id);
  return v_id;
end
$$;
comment on function dbkit._create_alert_rule(dbkit.alert_rules) is
  'Keeps a new rule; id and times of the argument do not count. Raises KD721, KD722, KD723.';
