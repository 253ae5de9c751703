insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD101', 'unknown_call', 404, 'No call of that name is registered, or not up to that version.'),
  ('KD102', 'unknown_version', 400, 'No API version of that name exists.'),
  ('KD103', 'version_sunset', 410, 'The API version has been sunset.'),
  ('KD104', 'client_too_old', 426, 'The app is older than every version of the call requires.'),
  ('KD105', 'invalid_payload', 422, 'The payload breaks the call''s JSON Schema.'),
  ('KD106', 'invalid_fallback', 400, 'The fallback equals the new version, or is sunset.'),
  ('KD107', 'version_not_ready', 409, 'A call that the version promises does not resolve.'),
  ('KD108', 'invalid_registration', 400, 'A call''s handler, access, schema or name is not acceptable.'),
  ('KD109', 'write_not_compatible', 409, 'The write exists only in an older version with another payload.'),
  ('KD110', 'idempotency_key_reused', 422, 'The idempotency key was used with another payload.'),
  ('KD111', 'idempotency_key_in_flight', 409, 'A request with the same idempotency key is still running.'),
  ('KD112', 'version_in_use', 409, 'The version is current or the fallback.'),
  ('KD113', 'switch_conflict', 409, 'Somebody else switched the version in between.'),
  ('KD114', 'version_brownout', 503, 'The deprecated version is switched off for an announced while.'),
  ('KD115', 'invalid_release', 400, 'A share, guard or limit of a guarded release is not acceptable.'),
  ('KD116', 'release_running', 409, 'Another guarded release is running.'),
  ('KD117', 'no_running_release', 404, 'No such guarded release is running.'),
  ('KD120', 'two_idempotency_keys', 400, 'The request and its payload have different idempotency keys.'),
  ('KD121', 'write_in_read_only', 405, 'A call that writes was sent as a read (GET).'),
  ('KD122', 'unknown_api_key', 404, 'There is no such API key.'),
  ('KD123', 'invalid_api_key', 400, 'An API key''s consumer, role, scopes or times are not acceptable.'),
  ('KD124', 'api_key_ended', 409, 'The API key is revoked or expired.'),
  ('KD125', 'rate_limited', 429, 'The consumer has called as often as it may in this window.'),
  ('KD126', 'invalid_rate_limit', 400, 'A limit''s consumer, call, number or window is not acceptable.'),
  ('KD140', 'invalid_list_request', 400, 'A page was asked for in a way that the list does not allow.'),
  ('KD141', 'invalid_list_cursor', 400, 'The cursor was changed, or made for another list or caller.'),
  ('KD142', 'unknown_list', 404, 'No list of that name is registered.'),
  ('KD143', 'invalid_list', 400, 'A list cannot be registered as asked.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD100' and 'KD199';
