create table dbkit.metric_figures (
  name text collate "C" primary key check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  function_signature text not null
);
comment on table dbkit.metric_figures is
  'Functions that tell figures of the platform for monitoring; see register_platform_figures.';
comment on column dbkit.metric_figures.function_signature is
  'schema.function(), called with the rights of who reads the figures.';
grant select on dbkit.metric_figures to service_role, super_admin;
