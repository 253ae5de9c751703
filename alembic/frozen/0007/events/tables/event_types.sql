create table dbkit.event_types (
  event_type text collate "C" not null check (length(event_type) between 1 and 100),
  schema_version int not null check (schema_version between 1 and 10000),
  json_schema jsonb not null,
  description text not null default '',
  registered_at timestamptz not null,
  registered_by text not null,
  primary key (event_type, schema_version)
);
comment on table dbkit.event_types is
  'JSON Schemas of event_data by event type and schema version. A type without a row takes any object.';
grant select on dbkit.event_types to authenticated, service_role, super_admin;
