-- What the roll-ups need to know of a type is data, so that a user's own type gets counts and percentiles
-- too.
create table dbkit.metric_event_types (
  event_type text collate "C" primary key check (event_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  description text not null default '' check (length(description) <= 500),
  anon_may boolean not null default false,
  series_key text collate "C" check (length(series_key) between 1 and 63),
  value_key text collate "C" check (length(value_key) between 1 and 63),
  status_key text collate "C" check (length(status_key) between 1 and 63)
);
comment on table dbkit.metric_event_types is 'Types of events that runtime_metrics takes.';
comment on column dbkit.metric_event_types.anon_may is
  'Clients (anon, authenticated) may send it; else only the service and the package itself.';
comment on column dbkit.metric_event_types.series_key is
  'Key of event_data by which roll-ups are kept apart, such as endpoint; NULL: one series.';
comment on column dbkit.metric_event_types.value_key is
  'Key of event_data whose number (0 to 1e12) roll-ups keep percentiles of; NULL: they only count.';
comment on column dbkit.metric_event_types.status_key is
  'Key of event_data with an HTTP status: 500 and above is a failure.';
grant select on dbkit.metric_event_types to service_role, super_admin;
