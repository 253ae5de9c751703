insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD720', 'unknown_alert_rule', 404, 'There is no such alert rule.'),
  ('KD721', 'invalid_alert_rule', 400, 'A setting of an alert rule is missing or outside its range.'),
  ('KD722', 'duplicate_alert_rule', 409, 'An alert rule of this name is already there.'),
  ('KD723', 'unknown_alert_metric', 404, 'No metric of that name is registered for alerts.'),
  ('KD724', 'invalid_alert_metric', 400, 'The name or the function of a metric is not acceptable.'),
  ('KD725', 'unknown_alert', 404, 'There is no such alert.'),
  ('KD726', 'alert_is_resolved', 409, 'The alert is resolved already.'),
  ('KD727', 'unknown_silence', 404, 'There is no such silence, or it is over.'),
  ('KD728', 'invalid_silence', 400, 'A silence''s pattern, times or reason are not acceptable.'),
  ('KD729', 'unknown_alert_channel', 404, 'There is no alert channel of this name.'),
  ('KD730', 'invalid_alert_channel', 400, 'An alert channel''s name, kind or URL is not acceptable.'),
  ('KD731', 'stale_notification_lease', 409,
    'The lease of the notification has ended: somebody else may have it.'),
  ('KD732', 'invalid_alert_time', 400, 'The time of an evaluation or of a backtest is not acceptable.'),
  ('KD733', 'alert_metric_in_use', 409, 'Alert rules still watch the metric.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD720' and 'KD739';
