create table dbkit.event_upcasters (
  event_type text collate "C" not null check (length(event_type) between 1 and 100),
  from_version int not null check (from_version between 1 and 10000),
  to_version int not null check (to_version between 2 and 10000),
  upcaster_signature text not null,
  registered_at timestamptz not null,
  registered_by text not null,
  primary key (event_type, from_version),
  check (to_version > from_version)
);
comment on table dbkit.event_upcasters is
  'Functions that bring event_data from one schema version to a later one when it is read: a chain.';
comment on column dbkit.event_upcasters.upcaster_signature is 'schema.function(jsonb), returning jsonb.';
grant select on dbkit.event_upcasters to authenticated, service_role, super_admin;
