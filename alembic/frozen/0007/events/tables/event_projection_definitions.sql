create table dbkit.event_projection_definitions (
  projection text collate "C" primary key check (projection ~ '^[a-z][a-z0-9_]{0,62}$'),
  mode text not null check (mode in ('inline', 'async', 'on_demand')),
  reducer_signature text not null,
  key_signature text,
  event_types text[] not null check (cardinality(event_types) > 0),
  access text not null default 'organization' check (access in ('organization', 'service')),
  description text not null default '',
  live_generation int not null default 1,
  shadow_generation int,
  is_live boolean not null default false,
  registered_at timestamptz not null,
  registered_by text not null,
  check (shadow_generation > live_generation)
);
comment on table dbkit.event_projection_definitions is
  'The read models that are derived from events, and how.';
comment on column dbkit.event_projection_definitions.mode is
  'inline: in the transaction of the append; async: by run_projection; on_demand: when it is read.';
comment on column dbkit.event_projection_definitions.reducer_signature is
  'schema.function(jsonb,dbkit.event_store): the row''s state before and an event to its state after; NULL
deletes the row.';
comment on column dbkit.event_projection_definitions.key_signature is
  'schema.function(dbkit.event_store) returning the row''s key, NULL to skip the event; where there is none
the key is aggregate_id.';
comment on column dbkit.event_projection_definitions.event_types is 'Which events it reads; {*} is all.';
comment on column dbkit.event_projection_definitions.access is
  'organization: every authenticated caller of the organization reads its rows; service: only service_role,
and functions of a domain that decide for themselves.';
comment on column dbkit.event_projection_definitions.shadow_generation is
  'The generation that a rebuild fills; NULL when none runs.';
comment on column dbkit.event_projection_definitions.is_live is
  'Whether an inline projection has caught up with what was there before and is now written by appends.';
grant select on dbkit.event_projection_definitions to authenticated, service_role, super_admin;
