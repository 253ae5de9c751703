-- NaN > x holds for every x, and so does nothing with NULL: a threshold is a finite number (NaN sorts above
-- Infinity, so one comparison refuses both).
create table dbkit.alert_rules (
  id bigint generated always as identity primary key,
  organization_id text collate "C" not null default 'default',
  name text collate "C" not null check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
  description text not null default '' check (length(description) <= 500),
  metric_type text collate "C" not null references dbkit.alert_metric_sources (metric_type),
  metric_params jsonb not null default '{}' check (jsonb_typeof(metric_params) = 'object'),
  condition text not null check (condition in ('gt', 'lt', 'gte', 'lte', 'eq')),
  threshold numeric not null check (threshold > '-Infinity' and threshold < 'Infinity'),
  window_minutes int not null check (window_minutes between 1 and 43200),
  for_minutes int not null default 0 check (for_minutes between 0 and 10080),
  keep_firing_minutes int not null default 0 check (keep_firing_minutes between 0 and 10080),
  cooldown_minutes int not null check (cooldown_minutes between 0 and 10080),
  repeat_minutes int not null default 0 check (repeat_minutes between 0 and 10080),
  min_samples int not null default 0 check (min_samples >= 0),
  no_data text not null default 'ok' check (no_data in ('ok', 'alerting', 'keep_last', 'no_data')),
  burn_rate jsonb check (jsonb_typeof(burn_rate) = 'object'),
  severity text not null check (severity in ('info', 'warning', 'critical')),
  channels jsonb not null default '[]' check (jsonb_typeof(channels) = 'array'),
  enabled boolean not null default true,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  unique (organization_id, name)
);
comment on table dbkit.alert_rules is
  'When a metric is bad enough that somebody should know. Only functions write.';
comment on column dbkit.alert_rules.metric_params is 'For the metric''s function, above those of its source.';
comment on column dbkit.alert_rules.condition is 'How the value is compared with threshold.';
comment on column dbkit.alert_rules.window_minutes is
  'Over how long the metric is measured, up to the evaluation.';
comment on column dbkit.alert_rules.for_minutes is
  'So long the condition must hold before it fires (pending).';
comment on column dbkit.alert_rules.keep_firing_minutes is
  'So long the condition must not hold before it is resolved: against flapping.';
comment on column dbkit.alert_rules.cooldown_minutes is 'From one incident to the next, at least.';
comment on column dbkit.alert_rules.repeat_minutes is 'An open alert is told again so often; 0 never.';
comment on column dbkit.alert_rules.min_samples is 'A value from fewer samples counts as no data.';
comment on column dbkit.alert_rules.no_data is
  'Without data: ok, as if the condition did not hold; alerting, as if it did; keep_last, as the last time;
no_data: an open alert stays as it is, else the state is no_data and waiting begins anew.';
comment on column dbkit.alert_rules.burn_rate is
  '{objective: percent, windows: [{factor, long_minutes, short_minutes}]}: the metric is a percentage of bad
ones, and the value compared is, of the worst window, least(long, short) / (factor * (100 - objective)); 1 is
at the limit. NULL: the metric itself.';
comment on column dbkit.alert_rules.channels is
  'Names of alert_channels, or kinds (email, slack, sms): all of it.';
grant select on dbkit.alert_rules to service_role, super_admin;
