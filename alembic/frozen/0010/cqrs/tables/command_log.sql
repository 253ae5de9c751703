-- The id begins with the time, so it is also the order of the log and needs no index beside it. No checks:
-- only _log_command writes, and it is on the path of every command. The payload is not kept: it would keep
-- personal data that forget_subject does not know of; what it led to is in the events.
create table dbkit.command_log (
  organization_id text collate "C" not null,
  command_id uuid not null,
  command text collate "C" not null,
  status text collate "C" not null,
  idempotency_key text collate "C",
  request_hash bytea,
  response jsonb,
  rejection jsonb,
  events int not null,
  position bigint,
  caller_role text collate "C" not null,
  user_id text collate "C",
  client_id text collate "C",
  correlation_id text collate "C",
  causation_id text collate "C",
  duration_ms double precision not null,
  created_at timestamptz not null,
  primary key (organization_id, command_id)
);
comment on table dbkit.command_log is
  'Every command that was committed, with or without a key: also the answers to those that come again. Written
in the transaction of what the command did. prune_command_log takes old ones away.';
comment on column dbkit.command_log.command_id is
  'UUID of version 7: begins with the time. causation_id of the events that the command appended.';
comment on column dbkit.command_log.status is 'done or rejected.';
comment on column dbkit.command_log.idempotency_key is 'NULL: sent without one, so it is never repeated.';
comment on column dbkit.command_log.request_hash is
  'sha256 over command, expected version and payload; NULL without a key.';
comment on column dbkit.command_log.rejection is
  '{sqlstate, message, detail, hint} of what the handler refused with; NULL when it is done.';
comment on column dbkit.command_log.events is 'How many events the command appended.';
comment on column dbkit.command_log.position is
  'Position of the newest of them: a query that gets it as p_min_position sees them. NULL without events.';
comment on column dbkit.command_log.causation_id is 'Event or command that led to this one.';
comment on column dbkit.command_log.duration_ms is 'From the call to the log entry, in milliseconds.';
create unique index uq_command_log_key on dbkit.command_log (organization_id, idempotency_key)
where idempotency_key is not null;
create index idx_command_log_created on dbkit.command_log using brin (created_at);
grant select on dbkit.command_log to service_role, super_admin;
