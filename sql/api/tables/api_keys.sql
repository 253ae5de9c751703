create table dbkit.api_keys (
  key_id text collate "C" primary key check (key_id ~ '^[0-9a-f]{16}$'),
  consumer text not null check (length(consumer) between 1 and 200 and consumer !~ '[[:cntrl:]]'),
  role text not null,
  scopes text[] not null check (cardinality(scopes) between 1 and 100),
  organization_id text collate "C" check (length(organization_id) between 1 and 200),
  description text not null check (length(description) <= 1000),
  created_by text not null,
  created_at timestamptz not null,
  rotated_at timestamptz,
  expires_at timestamptz,
  revoked_by text,
  revoked_at timestamptz,
  revoked_reason text check (length(revoked_reason) <= 1000),
  last_used_at timestamptz,
  check ((revoked_at is null) = (revoked_by is null))
);
create index idx_api_keys_consumer on dbkit.api_keys (consumer);
comment on table dbkit.api_keys is
  'Keys that gateways take for a login: who it is, as which role, for which calls. Read and written by
functions alone; a row stays when its key is revoked.';
comment on column dbkit.api_keys.consumer is 'Name of who has the key: client_id of its calls.';
comment on column dbkit.api_keys.role is 'Database role of its calls.';
comment on column dbkit.api_keys.scopes is 'Names of calls; with a * at the end all that begin so.';
comment on column dbkit.api_keys.organization_id is 'Organization of its calls; NULL: what the client says.';
comment on column dbkit.api_keys.last_used_at is 'To the minute, and as late as gateways tell it.';
