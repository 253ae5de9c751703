create table dbkit.event_aggregate_types (
  aggregate_type text collate "C" primary key check (length(aggregate_type) between 1 and 100),
  applier_signature text,
  applier_version int not null default 1 check (applier_version > 0),
  snapshot_every int not null default 100 check (snapshot_every between 0 and 1000000),
  is_chained boolean not null default false,
  access text not null default 'organization' check (access in ('organization', 'service')),
  registered_at timestamptz not null,
  registered_by text not null
);
comment on table dbkit.event_aggregate_types is
  'What is registered of an aggregate type: how its state is folded, and how often that is kept.';
comment on column dbkit.event_aggregate_types.applier_signature is
  'schema.function(jsonb,dbkit.event_store), returning the new state; NULL where none is registered.';
comment on column dbkit.event_aggregate_types.applier_version is
  'Raise it when the applier gives other states without its own text having changed.';
comment on column dbkit.event_aggregate_types.snapshot_every is
  'A snapshot is due every so many events; 0: never by itself.';
comment on column dbkit.event_aggregate_types.is_chained is
  'Whether events of streams that begin from now on carry hashes.';
comment on column dbkit.event_aggregate_types.access is
  'organization: its members (role authenticated) append and read; service: only service_role, and functions
of a domain that decide for themselves.';
grant select on dbkit.event_aggregate_types to authenticated, service_role, super_admin;
