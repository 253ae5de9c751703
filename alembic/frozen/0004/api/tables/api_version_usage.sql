create table dbkit.api_version_usage (
  usage_date date not null,
  version text not null,
  calls bigint not null,
  errors bigint not null,
  fallbacks bigint not null,
  clients bigint not null,
  total_duration_ms numeric not null,
  last_seen_at timestamptz not null,
  primary key (usage_date, version)
);
comment on table dbkit.api_version_usage is
  'Daily totals (UTC days) per served version, worked out from api_request_log.';
comment on column dbkit.api_version_usage.errors is 'Requests with a status of 400 or more.';
comment on column dbkit.api_version_usage.clients is
  'Different client_ids; requests without one count as one.';
grant select on dbkit.api_version_usage to service_role, super_admin;
