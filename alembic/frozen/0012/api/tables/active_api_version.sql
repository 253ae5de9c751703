-- One row, always id 1: a pointer is switched by updating it in place. (A partial unique index over
-- "one active row" fails with a duplicate key inside the one UPDATE that moves the mark.)
create table dbkit.active_api_version (
  id int primary key default 1 check (id = 1),
  current_version text not null references dbkit.api_versions (version),
  fallback_version text not null references dbkit.api_versions (version),
  revision bigint not null default 1,
  has_pins boolean not null default false,
  updated_at timestamptz not null default clock_timestamp(),
  updated_by text not null default session_user,
  deployment_id text,
  fast_suffix text
    generated always as (case when not has_pins then '*' || current_version end) stored,
  routes_revision bigint not null default 0,
  check (fallback_version <> current_version)
);
comment on table dbkit.active_api_version is
  'Singleton: the version that a call is served when neither client nor pin says another.';
comment on column dbkit.active_api_version.fallback_version is
  'Where an operator or a guard goes back to; resolving a call walks down versions by itself.';
comment on column dbkit.active_api_version.revision is 'Goes up by one with every switch.';
comment on column dbkit.active_api_version.has_pins is
  'Whether the version hangs on the consumer (a pin, a release): spares every call the look-up while not.';
comment on column dbkit.active_api_version.deployment_id is
  'The switch that wrote this row, in deployment_log.';
comment on column dbkit.active_api_version.fast_suffix is
  'End of api_routes.fast_key for a call that names no version; NULL while has_pins.';
comment on column dbkit.active_api_version.routes_revision is
  'The _routes_revision that the last switch saw; older routes are not used after it.';
grant select on dbkit.active_api_version to anon, authenticated, service_role, super_admin;
