-- Configuration: read by every fan-out, changed by people. What changes with each delivery is in
-- event_delivery_queues.
create table dbkit.event_subscriptions (
  organization_id text collate "C" not null,
  subscription_id uuid not null,
  url text not null check (length(url) between 1 and 2000),
  description text not null check (length(description) <= 1000),
  event_types text[] not null check (cardinality(event_types) between 1 and 100),
  type_patterns text[] not null,
  aggregate_types text[] check (cardinality(aggregate_types) between 1 and 100),
  aggregate_ids text[] check (cardinality(aggregate_ids) between 1 and 1000),
  all_organizations boolean not null,
  is_ordered boolean not null,
  status text not null check (status in ('active', 'paused', 'disabled', 'deleted')),
  retry_schedule int[] not null check (cardinality(retry_schedule) between 1 and 30),
  timeout_seconds int not null check (timeout_seconds between 1 and 30),
  max_in_flight int not null check (max_in_flight between 1 and 100),
  headers jsonb not null check (jsonb_typeof(headers) = 'object'),
  disable_after_hours int not null check (disable_after_hours between 1 and 8760),
  start_position bigint not null,
  secrets_version bigint not null,
  disabled_at timestamptz,
  disabled_reason text,
  disabled_position bigint,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  primary key (organization_id, subscription_id),
  check ((status = 'disabled') = (disabled_at is not null))
);
comment on table dbkit.event_subscriptions is
  'Who is told of which events by HTTP (webhooks, standardwebhooks.com).';
comment on column dbkit.event_subscriptions.event_types is
  'Patterns, * for any run of characters: Order*, order.*, *.';
comment on column dbkit.event_subscriptions.type_patterns is 'event_types as patterns of LIKE.';
comment on column dbkit.event_subscriptions.aggregate_types is 'NULL all.';
comment on column dbkit.event_subscriptions.aggregate_ids is 'NULL all.';
comment on column dbkit.event_subscriptions.all_organizations is
  'Whether it gets the events of every organization, and not only those of its own.';
comment on column dbkit.event_subscriptions.is_ordered is
  'Whether an event of a stream is sent only when the one before it is done (delivered, dead or skipped).';
comment on column dbkit.event_subscriptions.status is
  'paused: deliveries queue up; disabled: none are made, and those that there are wait; deleted: for the
log.';
comment on column dbkit.event_subscriptions.retry_schedule is
  'Seconds before each attempt, the first one included; after the last a delivery is dead.';
comment on column dbkit.event_subscriptions.max_in_flight is 'Requests at a time, of all workers together.';
comment on column dbkit.event_subscriptions.disable_after_hours is
  'It is disabled when every attempt has failed for so long.';
comment on column dbkit.event_subscriptions.start_position is
  'It gets events after this position: what could be read when it was made, or enabled without a replay.';
comment on column dbkit.event_subscriptions.secrets_version is
  'secret_id of its newest secret: workers keep secrets until it changes.';
comment on column dbkit.event_subscriptions.disabled_position is
  'Up to where events were queued when it was disabled; enabling goes on from there.';
create index idx_event_subscriptions_id on dbkit.event_subscriptions (subscription_id);
grant select on dbkit.event_subscriptions to service_role, super_admin;
