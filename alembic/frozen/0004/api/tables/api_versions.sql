create table dbkit.api_versions (
  version text primary key check (version ~ '^v[1-9][0-9]{0,3}$'),
  ordinal int not null unique generated always as (substr(version, 2)::int) stored,
  min_app_version text not null,
  min_app_key text collate "C" not null
    generated always as (dbkit.semver_key(min_app_version)) stored,
  status text not null default 'active' check (status in ('active', 'deprecated', 'sunset')),
  deprecated_at timestamptz,
  sunset_at timestamptz,
  successor text references dbkit.api_versions (version),
  brownouts tstzmultirange not null default '{}',
  description text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  check (successor <> version),
  check (status <> 'deprecated' or deprecated_at is not null),
  check (status <> 'sunset' or sunset_at is not null),
  check (sunset_at >= deprecated_at)
);
comment on table dbkit.api_versions is
  'Generations of the API and their life cycle: active, deprecated, sunset.';
comment on column dbkit.api_versions.ordinal is 'The number in the name: versions are ordered by it.';
comment on column dbkit.api_versions.min_app_version is
  'Oldest app (semantic version) that may be served this version. Source: version matrix, S0.';
comment on column dbkit.api_versions.sunset_at is
  'From this time on the version answers 410, whatever status says.';
comment on column dbkit.api_versions.brownouts is
  'Announced spans in which the version answers 503 on purpose, so that its last users notice.';
grant select on dbkit.api_versions to anon, authenticated, service_role, super_admin;
