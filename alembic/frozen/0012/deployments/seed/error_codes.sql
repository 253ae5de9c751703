insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD201', 'unknown_deployment', 404, 'There is no deployment with this id.'),
  ('KD202', 'duplicate_deployment', 409, 'A deployment with this id is already logged.'),
  ('KD203', 'invalid_deployment_status', 409, 'A deployment of this status cannot become that.'),
  ('KD204', 'no_rollback_target', 409, 'No earlier release succeeded and passed its smoke tests.'),
  ('KD205', 'invalid_rollback', 409, 'This cannot be rolled back, or cannot be put back.'),
  ('KD206', 'contract_migration', 409, 'A contract migration lies between: older code fails with it.'),
  ('KD207', 'rollback_failed', 409, 'The last rollback has failed: no second one is tried.'),
  ('KD208', 'deployment_over', 409, 'The deployment is over: it can begin no further step.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD200' and 'KD299';
