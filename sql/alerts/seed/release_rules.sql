-- What a release or a deployment has to say when it was taken back. An alert stays open for the window: it
-- resolves by itself. What is there already was changed by its owner.
select dbkit._register_alert_metric('releases_switched_back', 'dbkit._alert_releases_switched_back',
  'releases', 'Guarded releases that their guard switched back');
select dbkit._register_alert_metric('deployments_rolled_back', 'dbkit._alert_deployments_rolled_back',
  'deployments', 'Deployments that were rolled back, of an environment', '{"environment": "production"}');
insert into dbkit.alert_rules (organization_id, name, description, metric_type, metric_params, condition,
  threshold, window_minutes, for_minutes, keep_firing_minutes, cooldown_minutes, repeat_minutes, min_samples,
  no_data, severity, channels, enabled, created_at, created_by, updated_at)
select 'default', d.name, d.description, d.metric_type, '{}', 'gt', 0, 60, 0, 0, 0, 0, 0, 'ok', d.severity,
  '["email", "slack"]', true, dbkit.clock(), dbkit.caller_role(), dbkit.clock()
from (values
  ('Release Switched Back', 'A new API version was worse than the old one: get_release_status says how',
    'releases_switched_back', 'warning'),
  ('Deployment Rolled Back', 'get_deployments says which, and what runs now', 'deployments_rolled_back',
    'critical')
) as d (name, description, metric_type, severity)
on conflict (organization_id, name) do nothing;
insert into dbkit.alert_rule_states (rule_id, organization_id)
select r.id, r.organization_id
from dbkit.alert_rules r
on conflict (rule_id) do nothing;
-- down
delete from dbkit.alert_rules where metric_type in ('releases_switched_back', 'deployments_rolled_back');
delete from dbkit.alert_metric_sources
where metric_type in ('releases_switched_back', 'deployments_rolled_back');
