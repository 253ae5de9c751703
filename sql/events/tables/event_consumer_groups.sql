create table dbkit.event_consumer_groups (
  group_name text collate "C" primary key check (length(group_name) between 1 and 100),
  partitions int not null check (partitions between 1 and 256),
  event_types text[] check (cardinality(event_types) > 0),
  aggregate_types text[] check (cardinality(aggregate_types) > 0),
  organization_id text collate "C",
  poison_policy text not null check (poison_policy in ('block', 'dead_letter', 'halt')),
  max_failures int not null check (max_failures between 1 and 1000),
  registered_at timestamptz not null,
  registered_by text not null
);
comment on table dbkit.event_consumer_groups is
  'Programs that share the events of all streams among them; register_consumer_group writes it.';
comment on column dbkit.event_consumer_groups.partitions is
  'How many of its programs can work at a time. Fixed: a stream stays in the partition that it was in.';
comment on column dbkit.event_consumer_groups.event_types is 'What it reads; NULL: all.';
comment on column dbkit.event_consumer_groups.aggregate_types is 'What it reads; NULL: all.';
comment on column dbkit.event_consumer_groups.organization_id is 'Whose events it reads; NULL: everybody''s.';
comment on column dbkit.event_consumer_groups.poison_policy is
  'What becomes of an event that has failed max_failures times: block (its stream waits), dead_letter (it is
put aside), halt (its partition waits).';
grant select on dbkit.event_consumer_groups to service_role, super_admin;
