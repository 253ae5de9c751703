-- What healing and maintenance have to say when they stand still. What is there already was changed by its
-- owner.
select dbkit._register_alert_metric('heal_rules_stopped', 'dbkit._alert_heal_rules_stopped', 'rules',
  'Heal rules that have tripped, or whose last run failed');
select dbkit._register_alert_metric('maintenance_failures', 'dbkit._alert_maintenance_failures', 'steps',
  'Steps of the maintenance whose last run failed');
insert into dbkit.alert_rules (organization_id, name, description, metric_type, metric_params, condition,
  threshold, window_minutes, for_minutes, keep_firing_minutes, cooldown_minutes, repeat_minutes, min_samples,
  no_data, severity, channels, enabled, created_at, created_by, updated_at)
select 'default', d.name, d.description, d.metric_type, '{}', 'gt', 0, 1, 0, 0, 60, 720, 0, 'ok', d.severity,
  d.channels::jsonb, true, dbkit.clock(), dbkit.caller_role(), dbkit.clock()
from (values
  ('Healing Stopped', 'A heal rule would change too much, or fails: dbkit heal rules', 'heal_rules_stopped',
    'critical', '["email", "slack"]'),
  ('Maintenance Failing', 'dbkit maintenance steps says which', 'maintenance_failures',
    'warning', '["email"]')
) as d (name, description, metric_type, severity, channels)
on conflict (organization_id, name) do nothing;
insert into dbkit.alert_rule_states (rule_id, organization_id)
select r.id, r.organization_id
from dbkit.alert_rules r
on conflict (rule_id) do nothing;
-- down
delete from dbkit.alert_rules where metric_type in ('heal_rules_stopped', 'maintenance_failures');
delete from dbkit.alert_metric_sources where metric_type in ('heal_rules_stopped', 'maintenance_failures');
