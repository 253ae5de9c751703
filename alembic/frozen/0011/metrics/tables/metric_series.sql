create table dbkit.metric_series (
  organization_id text collate "C" not null,
  pool text collate "C" not null check (pool in ('anon', 'account')),
  hour timestamptz not null,
  event_type text collate "C" not null,
  series text collate "C" not null,
  primary key (organization_id, pool, hour, event_type, series)
);
comment on table dbkit.metric_series is
  'Series that clients began in an hour, anonymous ones and accounts apart; see metric_settings.max_series.';
grant select on dbkit.metric_series to service_role, super_admin;
