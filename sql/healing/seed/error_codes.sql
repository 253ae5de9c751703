insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD740', 'unknown_heal_rule', 404, 'There is no heal rule of this name.'),
  ('KD741', 'invalid_heal_rule', 400, 'A heal rule''s functions, name or limits are not acceptable.'),
  ('KD742', 'unknown_healing', 404, 'There is no such healing, or no such run.'),
  ('KD743', 'healing_moved_on', 409, 'What was healed has moved on since, so it cannot be undone.'),
  ('KD744', 'healing_undone', 409, 'The healing is undone already.'),
  ('KD745', 'healing_not_undoable', 409, 'The rule is gone, or has no function that undoes.'),
  ('KD746', 'too_much_healed', 500, 'A rule''s function changed more than it was allowed to.'),
  ('KD747', 'unknown_maintenance_step', 404, 'There is no maintenance step of this name.'),
  ('KD748', 'invalid_maintenance_step', 400,
    'A maintenance step''s function, name or interval is not acceptable.'),
  ('KD749', 'no_scheduler', 409, 'The extension pg_cron is not installed in this database.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD740' and 'KD749';
