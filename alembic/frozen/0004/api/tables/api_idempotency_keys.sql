create table dbkit.api_idempotency_keys (
  scope text not null,
  key text not null check (length(key) between 1 and 200),
  fingerprint text not null,
  response jsonb,
  created_at timestamptz not null default clock_timestamp(),
  primary key (scope, key)
);
create index idx_api_idempotency_keys_created on dbkit.api_idempotency_keys (created_at);
comment on table dbkit.api_idempotency_keys is
  'Answers of writes that carried an idempotency_key, committed with the write itself.';
comment on column dbkit.api_idempotency_keys.scope is
  'Who may see the answer again: caller role, organization, user and client.';
comment on column dbkit.api_idempotency_keys.fingerprint is 'SHA-256 of the call''s name and payload.';
grant select on dbkit.api_idempotency_keys to service_role, super_admin;
