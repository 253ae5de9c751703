-- Apart from the secrets and without any grant, as the keys of subjects are: a backup without this table
-- has no secret in it. docs/adr/0010 has the reasons for the encryption.
create table dbkit.event_secret_keys (
  organization_id text collate "C" primary key,
  key bytea not null check (length(key) = 32),
  created_at timestamptz not null
);
comment on table dbkit.event_secret_keys is
  'The key with which the signing secrets of an organization''s subscriptions are encrypted.';
comment on column dbkit.event_secret_keys.key is
  '256 bits, from which the keys for encryption and authentication are derived.';
