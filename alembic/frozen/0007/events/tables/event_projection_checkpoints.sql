-- One row for each generation: the one that is read, and the one that a rebuild fills. What folds it is
-- said here, so that a new reducer fills its shadow while the old one goes on with the live rows.
create table dbkit.event_projection_checkpoints (
  projection text collate "C" not null references dbkit.event_projection_definitions (projection)
  on delete cascade,
  generation int not null,
  reducer_signature text not null,
  key_signature text,
  event_types text[] not null check (cardinality(event_types) > 0),
  position bigint not null default 0,
  events bigint not null default 0,
  failed_position bigint,
  failures int not null default 0,
  last_error text,
  updated_at timestamptz not null,
  primary key (projection, generation)
);
comment on table dbkit.event_projection_checkpoints is
  'How far each generation of a projection has read; moved in the transaction that writes its rows.';
comment on column dbkit.event_projection_checkpoints.reducer_signature is
  'What folds this generation; the definition''s once a rebuild has brought that in.';
comment on column dbkit.event_projection_checkpoints.position is
  'Every event up to this position is in it. Of a live inline projection: where appends took over.';
comment on column dbkit.event_projection_checkpoints.events is
  'How many events were applied by runs and rebuilds.';
comment on column dbkit.event_projection_checkpoints.failed_position is
  'The event that stopped it; NULL when it runs.';
comment on column dbkit.event_projection_checkpoints.failures is 'How often in a row it was stopped there.';
grant select on dbkit.event_projection_checkpoints to service_role, super_admin;
