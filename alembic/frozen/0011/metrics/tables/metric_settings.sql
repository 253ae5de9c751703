-- A pool's quota is spread over 16 rows and a sender's over 2 (see metric_ingest_slots): a call must fit in
-- one.
create table dbkit.metric_settings (
  one boolean primary key default true check (one),
  max_batch int not null default 500 check (max_batch between 1 and 10000),
  max_event_bytes int not null default 8192 check (max_event_bytes between 100 and 1000000),
  max_call_bytes int not null default 262144 check (max_call_bytes between 1000 and 16000000),
  max_keys int not null default 40 check (max_keys between 1 and 1000),
  max_depth int not null default 6 check (max_depth between 1 and 50),
  max_series int not null default 200 check (max_series between 1 and 10000),
  max_age_minutes int not null default 60 check (max_age_minutes between 1 and 10000),
  anon_bytes_per_minute bigint not null default 4194304 check (anon_bytes_per_minute between 0 and 1e12),
  account_bytes_per_minute bigint not null default 16777216
  check (account_bytes_per_minute between 0 and 1e12),
  sender_bytes_per_minute bigint not null default 524288 check (sender_bytes_per_minute between 0 and 1e12),
  anon_bytes_per_day bigint not null default 2147483648 check (anon_bytes_per_day between 0 and 1e15)
);
comment on table dbkit.metric_settings is
  'Bounds of what clients may send; one row, for super_admin to change.';
comment on column dbkit.metric_settings.max_event_bytes is 'Of event_data, as jsonb stores it.';
comment on column dbkit.metric_settings.max_depth is 'Levels of objects and arrays in event_data.';
comment on column dbkit.metric_settings.max_series is
  'Different series that anonymous clients may begin in an organization, type and hour, and accounts the same
again; the others become __other__.';
comment on column dbkit.metric_settings.max_age_minutes is 'Older events of clients are dropped.';
comment on column dbkit.metric_settings.anon_bytes_per_minute is
  'Of all anonymous senders together: event_data and 112 bytes an event.';
comment on column dbkit.metric_settings.account_bytes_per_minute is
  'Of all callers with the role authenticated together.';
comment on column dbkit.metric_settings.sender_bytes_per_minute is
  'Of one sender: user, else client_id, else address. Some senders may share a quota (there are 512).';
comment on column dbkit.metric_settings.anon_bytes_per_day is
  'Anonymous events are dropped while the day''s partition with its index is larger, whoever filled it.';
grant select on dbkit.metric_settings to service_role;
grant select, update on dbkit.metric_settings to super_admin;
