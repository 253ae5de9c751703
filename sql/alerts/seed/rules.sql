-- The six of the documents, word for word where these have a word, and those that watch the package itself.
-- Seeds come in the order of their names, after the metrics. What is there already was changed by its owner.
insert into dbkit.alert_rules (organization_id, name, description, metric_type, metric_params, condition,
  threshold,
  window_minutes, for_minutes, keep_firing_minutes, cooldown_minutes, repeat_minutes, min_samples, no_data,
    severity,
  channels, enabled, created_at, created_by, updated_at)
select 'default', d.name, d.description, d.metric_type, '{}', d.condition, d.threshold, d.window_minutes,
  d.for_minutes, d.keep_firing_minutes, d.cooldown_minutes, d.repeat_minutes, d.min_samples, d.no_data,
    d.severity,
  d.channels::jsonb, true, dbkit.clock(), dbkit.caller_role(), dbkit.clock()
from (values
  ('High Error Rate', 'More than 5 % of requests fail', 'error_rate', 'gt', 5,
    15, 0, 5, 15, 60, 20, 'ok', 'critical', '["email", "slack"]'),
  ('High API Latency', 'One request of twenty takes longer than 2 s', 'api_latency_p95', 'gt', 2000,
    15, 0, 5, 30, 0, 20, 'ok', 'warning', '["email"]'),
  ('Stuck Orders', 'An order is in preparation for more than 45 minutes', 'stuck_orders', 'gt', 0,
    45, 0, 0, 30, 0, 0, 'ok', 'warning', '["email", "slack"]'),
  ('Payment Failures', 'A payment has failed', 'payment_failure', 'gt', 0,
    5, 0, 0, 5, 0, 0, 'ok', 'critical', '["email", "slack", "sms"]'),
  ('Low Disk Space', 'Set capacity_gb in metric_params', 'storage_usage', 'gt', 80,
    1, 0, 0, 360, 0, 0, 'no_data', 'warning', '["email"]'),
  ('DB Connection Pool', 'Connections are running out', 'db_connections', 'gt', 90,
    1, 1, 5, 15, 60, 0, 'no_data', 'critical', '["email", "slack"]'),
  ('Partition Runway', 'Rows without a partition are refused', 'partition_runway', 'lt', 3,
    1, 0, 0, 720, 0, 0, 'ok', 'critical', '["email", "slack"]'),
  ('Worker Silent', 'Webhooks, notices and maintenance wait', 'worker_silence', 'gt', 120,
    1, 0, 0, 60, 0, 0, 'ok', 'critical', '["email", "slack"]'),
  ('Worker Tasks Failing', 'dbkit worker tasks says which', 'task_failures', 'gt', 0,
    1, 30, 0, 360, 0, 0, 'ok', 'warning', '["email"]'),
  ('Alert Evaluator Late', 'Nobody was watching for a while', 'evaluator_gap', 'gt', 10,
    1, 0, 0, 60, 0, 0, 'ok', 'warning', '["email"]'),
  ('Alert Rules Broken', 'dbkit alerts rules list says which', 'broken_rules', 'gt', 0,
    1, 5, 0, 360, 0, 0, 'ok', 'warning', '["email"]'),
  ('Notices Lost', 'A channel did not take notices of alerts', 'lost_notices', 'gt', 0,
    60, 0, 0, 360, 0, 0, 'ok', 'critical', '["email", "slack"]'),
  ('Webhook Backlog', 'More than 1000 deliveries wait for over an hour', 'webhook_backlog', 'gt', 1000,
    60, 0, 0, 360, 0, 0, 'ok', 'warning', '["email"]'),
  ('Ingest Drops', 'Clients send more than is taken', 'ingest_drops', 'gt', 1000,
    60, 0, 0, 360, 0, 0, 'ok', 'warning', '["email"]')
) as d (name, description, metric_type, condition, threshold, window_minutes, for_minutes,
  keep_firing_minutes,
  cooldown_minutes, repeat_minutes, min_samples, no_data, severity, channels)
on conflict (organization_id, name) do nothing;
insert into dbkit.alert_rule_states (rule_id, organization_id)
select r.id, r.organization_id
from dbkit.alert_rules r
on conflict (rule_id) do nothing;
-- down
delete from dbkit.alert_rules;
