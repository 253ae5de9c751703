-- A channel's URL is full of secrets: it is sealed with the organization's key of event_secret_keys, which
-- has no grant at all, and nobody reads the sealed text either.
create table dbkit.alert_channels (
  organization_id text collate "C" not null,
  name text collate "C" not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
  kind text not null check (kind in ('email', 'slack', 'sms', 'other')),
  sealed_url text not null,
  enabled boolean not null default true,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  primary key (organization_id, name)
);
comment on table dbkit.alert_channels is 'Where alerts are told: URLs of Apprise, by name.';
comment on column dbkit.alert_channels.kind is
  'Which template is used, and by which name rules can address all of it: email, slack, sms, other.';
comment on column dbkit.alert_channels.sealed_url is
  'As _seal_value writes it; get_alert_channel_url opens it.';
