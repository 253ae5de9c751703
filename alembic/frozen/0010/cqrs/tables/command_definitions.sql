create table dbkit.command_definitions (
  command text collate "C" primary key check (command ~ '^[a-z][a-z0-9_]{0,62}$'),
  handler_signature text,
  payload_schema jsonb not null,
  required_role text,
  rejections text[] not null default '{}',
  description text not null default '',
  registered_at timestamptz not null,
  registered_by text not null
);
comment on table dbkit.command_definitions is
  'The commands that can be executed, and which function handles each. Written by register_command.';
comment on column dbkit.command_definitions.handler_signature is
  'schema.function(jsonb) or schema.function(jsonb,bigint), returning jsonb; NULL: a program handles it,
between begin_command and finish_command.';
comment on column dbkit.command_definitions.payload_schema is
  'JSON Schema of the payload (keywords: see validate_json), checked before the handler runs.';
comment on column dbkit.command_definitions.required_role is
  'Database role whose rights the caller needs; NULL: any role.';
comment on column dbkit.command_definitions.rejections is
  'SQLSTATEs of the handler that are recorded as a rejection, besides KD605.';
grant select on dbkit.command_definitions to anon, authenticated, service_role, super_admin;
