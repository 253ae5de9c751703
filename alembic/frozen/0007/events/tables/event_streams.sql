-- One row a stream: whoever appends locks it, so versions have no gap and no double. Small and
-- updated in place (HOT: no indexed column ever changes), hence the room left in each page. It has no
-- checks, because Postgres parses those again at every update (a quarter of its cost); only
-- append_event and append_events write it, and check before.
create table dbkit.event_streams (
  organization_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  version bigint not null,
  last_event_at timestamptz not null,
  created_at timestamptz not null,
  archived_at timestamptz,
  is_chained boolean not null,
  last_hash bytea,
  primary key (organization_id, aggregate_type, aggregate_id)
) with (fillfactor = 90);
comment on table dbkit.event_streams is
  'The head of each stream: its newest version. A stream is the events of one aggregate.';
comment on column dbkit.event_streams.version is 'Version of the newest event; events count from 1.';
comment on column dbkit.event_streams.last_event_at is
  'When the newest event was appended; no event of the stream has an earlier time than the one before it.';
comment on column dbkit.event_streams.archived_at is
  'Since when the stream is closed: it can be read, and not appended to. NULL when it is open.';
comment on column dbkit.event_streams.is_chained is
  'Whether its events carry hashes; as configure_aggregate said when the stream began.';
comment on column dbkit.event_streams.last_hash is
  'Hash of the newest event; NULL where the stream is not chained.';
grant select on dbkit.event_streams to authenticated, service_role, super_admin;
