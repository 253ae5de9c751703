create table dbkit.event_reader_checkpoints (
  reader text collate "C" primary key check (length(reader) between 1 and 100),
  position bigint not null check (position >= 0),
  updated_at timestamptz not null
);
comment on table dbkit.event_reader_checkpoints is
  'How far a program that reads read_all has come; moved in the transaction of what it made of the events.';
comment on column dbkit.event_reader_checkpoints.reader is 'The program''s own name for itself.';
comment on column dbkit.event_reader_checkpoints.position is
  'It is done with every event up to this position.';
grant select on dbkit.event_reader_checkpoints to service_role, super_admin;
