insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD701', 'invalid_metric', 400, 'An event of metrics is malformed or too large.'),
  ('KD702', 'unknown_metric_type', 404, 'There is no type of metrics of this name.'),
  ('KD703', 'invalid_metric_type', 400, 'A type of metrics cannot be registered as asked.'),
  ('KD704', 'metric_quota_exceeded', 429, 'The caller has sent as many metrics as it may in this minute.'),
  ('KD705', 'invalid_figure', 400, 'A figure of the platform cannot be registered as asked.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD700' and 'KD719';
