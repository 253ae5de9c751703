create table dbkit.event_subscription_secrets (
  organization_id text collate "C" not null,
  subscription_id uuid not null,
  secret_id bigint generated always as identity,
  sealed_secret text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  primary key (organization_id, subscription_id, secret_id)
);
comment on table dbkit.event_subscription_secrets is
  'With what deliveries are signed: the newest secret of a subscription, and older ones until they expire.';
comment on column dbkit.event_subscription_secrets.sealed_secret is
  'As _seal_value writes it, with the key of event_secret_keys; get_signing_secrets opens it.';
comment on column dbkit.event_subscription_secrets.expires_at is 'NULL: it is the newest.';
