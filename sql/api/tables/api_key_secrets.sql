create table dbkit.api_key_secrets (
  digest text collate "C" primary key check (digest ~ '^[0-9a-f]{64}$'),
  key_id text collate "C" not null references dbkit.api_keys (key_id),
  created_at timestamptz not null,
  valid_until timestamptz
);
create index idx_api_key_secrets_key on dbkit.api_key_secrets (key_id);
comment on table dbkit.api_key_secrets is
  'Digests of the secrets of API keys: the newest, and older ones while they overlap. No secret is stored.';
comment on column dbkit.api_key_secrets.digest is
  'SHA-256 of the whole secret in hex. 256 random bits need no slow or salted hash.';
comment on column dbkit.api_key_secrets.valid_until is 'NULL: it is the newest.';
