-- Signatures as text, not regproc (pg_upgrade refuses that); checked when registered.
create table dbkit.alert_metric_sources (
  metric_type text collate "C" primary key check (metric_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  function_signature text not null,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  unit text not null check (length(unit) <= 20),
  description text not null check (length(description) <= 500),
  registered_at timestamptz not null,
  registered_by text not null
);
comment on table dbkit.alert_metric_sources is
  'What alert rules can watch, and the function that measures it.';
comment on column dbkit.alert_metric_sources.function_signature is
  'schema.function(timestamptz,integer,jsonb, out value double precision, out samples bigint): over the
minutes that end at a time. Runs with the rights of whoever evaluates.';
comment on column dbkit.alert_metric_sources.params is
  'Given to the function, below metric_params of the rule.';
grant select on dbkit.alert_metric_sources to service_role, super_admin;
