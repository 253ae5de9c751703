-- The handler is text, not regprocedure: pg_upgrade refuses reg* columns.
create table dbkit.api_rpcs (
  rpc_id int primary key generated always as identity,
  name text not null check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  version text not null references dbkit.api_versions (version),
  handler_signature text not null,
  access text not null check (access in ('read', 'write')),
  required_role text,
  request_schema jsonb not null default '{"type": "object"}',
  response_schema jsonb,
  compatible_with text[] not null default '{}',
  description text not null default '',
  registered_at timestamptz not null default clock_timestamp(),
  registered_by text not null default session_user,
  unique (name, version)
);
comment on table dbkit.api_rpcs is
  'The registry: which function answers a call in a version. Written by register_rpc only.';
comment on column dbkit.api_rpcs.handler_signature is
  'schema.function(jsonb), returning jsonb; checked when registered and before every switch.';
comment on column dbkit.api_rpcs.access is
  'read (STABLE or IMMUTABLE handler, may run on a replica) or write.';
comment on column dbkit.api_rpcs.required_role is
  'Database role whose rights the caller needs; NULL: any role that may call at all.';
comment on column dbkit.api_rpcs.request_schema is
  'JSON Schema of the payload (keywords: see validate_json), checked before the handler runs.';
comment on column dbkit.api_rpcs.response_schema is 'JSON Schema of the answer, for typed clients.';
comment on column dbkit.api_rpcs.compatible_with is
  'Newer versions whose payload means the same to this handler: only those writes may fall back here.';
grant select on dbkit.api_rpcs to anon, authenticated, service_role, super_admin;
