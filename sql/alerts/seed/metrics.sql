select dbkit._register_alert_metric('error_rate', 'dbkit.metric_error_rate', '%',
  'Requests that ended with a status of 500 or above');
select dbkit._register_alert_metric('api_latency_p95', 'dbkit.metric_api_latency_p95', 'ms',
  'So long 95 of 100 requests took at most');
select dbkit._register_alert_metric('stuck_orders', 'dbkit.orders_stuck_since', 'orders',
  'Orders in preparation for as long as the window; statuses: ["preparing", "ready"]');
select dbkit._register_alert_metric('payment_failure', 'dbkit.metric_event_count', 'payments',
  'Payments that failed', '{"event_type": "order_event", "match": {"event": "payment_failure"}}');
select dbkit._register_alert_metric('event_count', 'dbkit.metric_event_count', 'events',
  'Events of event_type whose data contains match');
select dbkit._register_alert_metric('storage_usage', 'dbkit._alert_storage_usage', '%',
  'Size of the database of capacity_gb');
select dbkit._register_alert_metric('db_connections', 'dbkit._alert_db_connections', '%',
  'Connections of max_connections');
select dbkit._register_alert_metric('partition_runway', 'dbkit._alert_partition_runway', 'days',
  'For which partitions are there');
select dbkit._register_alert_metric('worker_silence', 'dbkit._alert_worker_silence', 's',
  'Since a worker last showed itself');
select dbkit._register_alert_metric('task_failures', 'dbkit._alert_task_failures', 'tasks',
  'Worker tasks whose last run failed');
select dbkit._register_alert_metric('evaluator_gap', 'dbkit._alert_evaluator_gap', 'min',
  'Since alert rules were last evaluated');
select dbkit._register_alert_metric('broken_rules', 'dbkit._alert_broken_rules', 'rules',
  'Alert rules that cannot be measured');
select dbkit._register_alert_metric('lost_notices', 'dbkit._alert_lost_notices', 'notices',
  'Notices of alerts that were given up');
select dbkit._register_alert_metric('webhook_backlog', 'dbkit._alert_webhook_backlog', 'deliveries',
  'Webhook deliveries that wait for longer than the window');
select dbkit._register_alert_metric('ingest_drops', 'dbkit._alert_ingest_drops', 'events',
  'Client events that were not taken');
-- down
delete from dbkit.alert_metric_sources;
