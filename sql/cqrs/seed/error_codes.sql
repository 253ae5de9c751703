insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD601', 'unknown_command', 404, 'No command of that name is registered, or none that can be run here.'),
  ('KD602', 'invalid_command', 422,
    'The payload breaks the command''s JSON Schema, or an argument is wrong.'),
  ('KD603', 'command_key_reused', 422,
    'The idempotency key was used for another command, payload or caller.'),
  ('KD604', 'invalid_command_registration', 400, 'A command''s handler, schema or name is not acceptable.'),
  ('KD605', 'command_rejected', 409, 'The command was refused by a rule; the refusal is recorded.'),
  ('KD606', 'unknown_query', 404, 'No query of that name is registered.'),
  ('KD607', 'invalid_query', 422, 'The parameters break the query''s JSON Schema.'),
  ('KD608', 'position_not_reached', 409, 'The database, or a projection, has not come that far yet.'),
  ('KD609', 'invalid_query_registration', 400,
    'A query''s handler, dependencies, schema or name is not acceptable.'),
  ('KD610', 'command_not_begun', 409, 'The transaction has not begun the command that it finishes.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD600' and 'KD699';
