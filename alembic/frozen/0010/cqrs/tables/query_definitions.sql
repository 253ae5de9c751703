create table dbkit.query_definitions (
  query text collate "C" primary key check (query ~ '^[a-z][a-z0-9_]{0,62}$'),
  handler_signature text not null,
  event_types text[] not null,
  stream_type text collate "C",
  stream_param text,
  projections text[] not null,
  vary text not null check (vary in ('user', 'role', 'organization')),
  ttl_seconds int not null check (ttl_seconds between 0 and 86400),
  max_entries int not null check (max_entries between 1 and 1000000),
  params_schema jsonb not null,
  required_role text,
  description text not null default '',
  revision uuid not null,
  registered_at timestamptz not null,
  registered_by text not null,
  check ((stream_type is null) = (stream_param is null)),
  check (cardinality(event_types) + cardinality(projections) > 0 or stream_type is not null)
);
comment on table dbkit.query_definitions is
  'The queries whose answers are kept in query_cache, and what each depends on. Written by register_query.';
comment on column dbkit.query_definitions.handler_signature is
  'schema.function(jsonb), returning jsonb; STABLE or IMMUTABLE.';
comment on column dbkit.query_definitions.event_types is
  'An answer is dropped when an event of one of these types is appended in its organization.';
comment on column dbkit.query_definitions.stream_type is
  'Or when one stream of this aggregate type moves: the one that the parameter stream_param names.';
comment on column dbkit.query_definitions.projections is
  'Projections that the handler reads: it depends on their event types, and is as old as they are.';
comment on column dbkit.query_definitions.vary is
  'Who shares an answer: user, everybody of a role, or of an organization.';
comment on column dbkit.query_definitions.ttl_seconds is 'How old an answer gets at most; 0: none is kept.';
comment on column dbkit.query_definitions.max_entries is
  'About how many answers are kept of an organization.';
comment on column dbkit.query_definitions.revision is
  'New with each registration and flush: an answer of another revision is not used.';
comment on column dbkit.query_definitions.required_role is
  'Database role whose rights the caller needs; NULL: any role.';
grant select on dbkit.query_definitions to anon, authenticated, service_role, super_admin;
