-- Apart from the deliveries, whose rows are written anew three times. Vacuumed soon: a row that
-- forget_subject has written anew leaves its old text in the table until then.
create table dbkit.event_webhook_messages (
  position bigint,
  created_at timestamptz not null,
  organization_id text collate "C" not null,
  webhook_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  event_type text collate "C" not null,
  body text not null,
  primary key (organization_id, webhook_id)
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
comment on table dbkit.event_webhook_messages is
  'What is sent, once for all subscriptions that get it.';
comment on column dbkit.event_webhook_messages.organization_id is 'Whose event it is.';
comment on column dbkit.event_webhook_messages.webhook_id is
  'The header webhook-id: msg_ and the event''s id, the same at every attempt and replay.';
comment on column dbkit.event_webhook_messages.position is 'Of the event; NULL for a test.';
comment on column dbkit.event_webhook_messages.body is
  'The exact bytes that are signed and sent: JSON with type, timestamp, data and event.';
create index idx_event_webhook_messages_created on dbkit.event_webhook_messages using brin (created_at);
grant select on dbkit.event_webhook_messages to service_role, super_admin;
