-- No query names a unique key, so the table can be partitioned by organization (hash) or by time
-- without changing one. "C" collation: faster, and no index breaks when the operating system changes
-- its sorting. No checks: only append_event and append_events write it, and check before.
create table dbkit.event_store (
  position bigint not null,
  version bigint not null,
  created_at timestamptz not null,
  event_id uuid not null,
  schema_version int not null,
  organization_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  event_type text collate "C" not null,
  event_data jsonb not null,
  metadata jsonb not null,
  correlation_id text collate "C",
  causation_id text collate "C",
  actor_id text collate "C",
  hash bytea,
  primary key (organization_id, aggregate_type, aggregate_id, version),
  unique (organization_id, event_id)
);
create sequence dbkit.event_position_seq as bigint cache 1 owned by dbkit.event_store.position;
comment on table dbkit.event_store is
  'Every event, appended by append_event and append_events and never changed. A row is an event as it
was stored: get_events and the other reads bring it to its newest schema version.';
comment on column dbkit.event_store.position is
  'Order over all streams. It has gaps, and events become visible out of order: read by read_all.';
comment on column dbkit.event_store.version is 'Place in its stream, from 1 without a gap.';
comment on column dbkit.event_store.created_at is
  'When it was appended; within a stream never earlier than the event before.';
comment on column dbkit.event_store.schema_version is
  'Version of the event type''s schema that event_data has.';
comment on column dbkit.event_store.correlation_id is
  'What all events of one request or process share; from the request context. NULL when not said.';
comment on column dbkit.event_store.causation_id is
  'Event or command that led to it; from the request context. NULL when not said.';
comment on column dbkit.event_store.actor_id is 'The user_id of the request context; NULL when not said.';
comment on column dbkit.event_store.hash is
  'sha256 over the event before and this one; NULL where the stream is not chained.';
create index idx_event_store_position on dbkit.event_store (position, organization_id);
create index idx_event_store_type on dbkit.event_store (organization_id, event_type, position);
create index idx_event_store_correlation on dbkit.event_store (organization_id, correlation_id, position)
where correlation_id is not null;
grant select on dbkit.event_store to authenticated, service_role, super_admin;
