insert into dbkit.metric_event_types (event_type, description, anon_may, series_key, value_key, status_key)
values
  ('gateway_request', 'Requests of a gateway: call, version, status, requests (how many), duration_ms (mean)',
    false, 'call', 'duration_ms', 'status'),
  ('gateway_state', 'A gateway process: gateway, requests, errors, refused, queued, dropped (of the log)',
    false, 'gateway', 'queued', null)
on conflict (event_type) do nothing;
-- down
delete from dbkit.metric_event_types where event_type in ('gateway_request', 'gateway_state');
