insert into dbkit.metric_event_types (event_type, description, anon_may, series_key, value_key, status_key)
values
  ('page_view', 'Page navigation: page, referrer, userAgent', true, 'page', null, null),
  ('api_latency', 'API response time: endpoint, latency_ms, status', true, 'endpoint', 'latency_ms',
    'status'),
  ('error', 'Application errors: error_type, message, stack', true, 'error_type', null, null),
  ('user_action', 'User interactions: action, metadata', true, 'action', null, null),
  ('order_event', 'Order lifecycle: event, order_id', false, 'event', null, null),
  ('performance', 'Web Vitals: metric (LCP, FID, CLS), value', true, 'metric', 'value', null),
  ('edge_function', 'Execution of a function: function_name, execution_time_ms', false, 'function_name',
    'execution_time_ms', null),
  ('alert_triggered', 'Alert events: alert_id, rule_name, severity', false, 'rule_name', null, null),
  ('auto_heal', 'Auto-healing actions: action, details', false, 'action', null, null),
  ('deployment', 'Deployment events: action, deployment_id, status', false, 'action', null, null)
on conflict (event_type) do nothing;
-- down
delete from dbkit.metric_event_types;
