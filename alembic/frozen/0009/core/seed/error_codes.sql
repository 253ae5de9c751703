insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD001', 'invalid_context', 400, 'The request context has an unknown key or a bad value.'),
  ('KD002', 'invalid_version_number', 400, 'A version is not of the form MAJOR.MINOR.PATCH (semver.org).'),
  ('KD003', 'forbidden', 403, 'The caller''s database role may not do this.'),
  ('KD004', 'invalid_argument', 400, 'An argument is missing or outside its range.'),
  ('KD005', 'unknown_worker_task', 404, 'There is no task of workers of this name.'),
  ('KD006', 'invalid_worker_task', 400, 'A task''s function, name or interval is not acceptable.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD000' and 'KD099';
