-- A few rows a group, updated in place at every claim and acknowledgement (HOT: the key is the only index
-- and never changes), hence the room in each page. The row is the mutex of all that happens to its
-- partition; whoever takes several takes them in order of the partition.
create table dbkit.event_consumer_partitions (
  group_name text collate "C" not null references dbkit.event_consumer_groups (group_name) on delete cascade,
  partition int not null,
  position bigint not null,
  token bigint not null default 0,
  leased_by text,
  leased_until timestamptz,
  claimed_at timestamptz,
  acknowledged_at timestamptz,
  batch bigint[],
  batch_kind text not null default 'events',
  batch_end bigint,
  lost_leases int not null default 0,
  failed_position bigint,
  failures int not null default 0,
  last_error text,
  retry_at timestamptz,
  halted_at timestamptz,
  events bigint not null default 0,
  primary key (group_name, partition)
) with (fillfactor = 40);
comment on table dbkit.event_consumer_partitions is
  'How far each partition of a consumer group has come, and who works at it. A stream is in one partition.';
comment on column dbkit.event_consumer_partitions.position is
  'The group is done with every event of the partition up to there, except those of streams that wait.';
comment on column dbkit.event_consumer_partitions.token is
  'Raised by each claim; who acknowledges with an older one is too late.';
comment on column dbkit.event_consumer_partitions.leased_until is
  'From then on somebody else may claim it. NULL when nobody has it.';
comment on column dbkit.event_consumer_partitions.batch is
  'Positions that were handed out and are not acknowledged.';
comment on column dbkit.event_consumer_partitions.batch_kind is
  'events: the next ones; stream: of one that waited; dead_letter: requeued ones.';
comment on column dbkit.event_consumer_partitions.batch_end is
  'Where position goes when all of the batch is acknowledged.';
comment on column dbkit.event_consumer_partitions.lost_leases is
  'How many in a row ended without an answer: each halves the batch, to find the event that kills its
consumer.';
comment on column dbkit.event_consumer_partitions.failed_position is
  'The event that failed last, and failures how often in a row; NULL when none does.';
comment on column dbkit.event_consumer_partitions.retry_at is 'Not before then is it claimed again.';
comment on column dbkit.event_consumer_partitions.halted_at is
  'Since when it waits for resume_consumer_group.';
comment on column dbkit.event_consumer_partitions.events is 'How many events were acknowledged.';
grant select on dbkit.event_consumer_partitions to service_role, super_admin;
