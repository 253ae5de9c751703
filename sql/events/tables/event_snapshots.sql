create table dbkit.event_snapshots (
  organization_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  version bigint not null check (version > 0),
  position bigint not null,
  last_event_at timestamptz not null,
  state jsonb not null,
  event_types text[] not null default '{}',
  fingerprint text not null,
  created_at timestamptz not null,
  primary key (organization_id, aggregate_type, aggregate_id, version)
);
comment on table dbkit.event_snapshots is
  'State of a stream as of a version, so that fewer events are folded. It can be deleted at any time.';
comment on column dbkit.event_snapshots.position is
  'Position of the event of that version; last_event_at is its time.';
comment on column dbkit.event_snapshots.event_types is
  'The types of the stream''s events up to that version: an upcaster of another type does not concern it.';
comment on column dbkit.event_snapshots.fingerprint is
  'Hash of applier and upcasters that made it; a snapshot with another one is not used.';
grant select on dbkit.event_snapshots to authenticated, service_role, super_admin;
