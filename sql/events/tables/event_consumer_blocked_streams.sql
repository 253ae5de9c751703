create table dbkit.event_consumer_blocked_streams (
  group_name text collate "C" not null references dbkit.event_consumer_groups (group_name) on delete cascade,
  organization_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  partition int not null,
  version bigint not null,
  position bigint not null,
  is_released boolean not null default false,
  failures int not null,
  last_error text not null,
  blocked_at timestamptz not null,
  primary key (group_name, organization_id, aggregate_type, aggregate_id)
);
create index idx_event_consumer_blocked_streams_partition
on dbkit.event_consumer_blocked_streams (group_name, partition, is_released);
comment on table dbkit.event_consumer_blocked_streams is
  'Streams that a consumer group does not get events of, because one of them failed too often.';
comment on column dbkit.event_consumer_blocked_streams.version is
  'The next event that the group has to get; all from there on are held back.';
comment on column dbkit.event_consumer_blocked_streams.position is 'Of the event that failed.';
comment on column dbkit.event_consumer_blocked_streams.is_released is
  'unblock_stream was called: what was held back is claimed, and then the row goes.';
grant select on dbkit.event_consumer_blocked_streams to service_role, super_admin;
