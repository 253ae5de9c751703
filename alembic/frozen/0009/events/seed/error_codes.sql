insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD501', 'stream_conflict', 409, 'The stream is not at the expected version.'),
  ('KD502', 'unknown_stream', 404, 'There is no such stream.'),
  ('KD503', 'stream_archived', 409, 'The stream is archived: it takes no events.'),
  ('KD504', 'invalid_event', 422, 'An event is malformed or too large.'),
  ('KD505', 'event_schema_violation', 422, 'The event''s data breaks the JSON Schema of its type.'),
  ('KD506', 'event_id_reused', 409, 'The event id is stored with another content or place.'),
  ('KD507', 'unsafe_read', 409, 'Events are read by position in READ COMMITTED on the primary only.'),
  ('KD508', 'invalid_event_registration', 400,
    'An applier, upcaster, schema or projection is not acceptable.'),
  ('KD509', 'no_applier', 404, 'No applier is registered for the aggregate type.'),
  ('KD510', 'unknown_projection', 404, 'There is no such projection.'),
  ('KD511', 'projection_busy', 409, 'Somebody else runs or rebuilds the projection at the moment.'),
  ('KD512', 'projection_not_ready', 409, 'The projection has not caught up, or is stopped by an error.'),
  ('KD513', 'event_immutable', 409, 'Events are never changed or deleted.'),
  ('KD514', 'subject_forgotten', 410, 'The subject was forgotten: nothing more is stored of them.'),
  ('KD515', 'subject_in_use', 409,
    'Open transactions have seen the subject''s data: forget it when they have ended.'),
  ('KD520', 'unknown_subscription', 404, 'There is no such subscription.'),
  ('KD521', 'invalid_subscription', 400,
    'A subscription''s URL, filters, schedule, headers or secret are not acceptable.'),
  ('KD522', 'stale_lease', 409, 'The lease of the delivery has ended: somebody else may have it.'),
  ('KD523', 'unknown_delivery', 404, 'There is no such delivery.'),
  ('KD524', 'subscription_disabled', 409, 'The subscription''s status does not allow this.'),
  ('KD525', 'unknown_dead_letter', 404, 'There is no such open dead letter.'),
  ('KD526', 'webhook_body_too_large', 422, 'What a webhook would send of an event is too large.'),
  ('KD530', 'unknown_consumer_group', 404, 'There is no such consumer group.'),
  ('KD531', 'invalid_consumer_group', 400,
    'A partition, filter, policy or position of a consumer group is not acceptable.'),
  ('KD532', 'lease_lost', 409, 'The lease of the partition has ended: somebody else may have it.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD500' and 'KD599';
