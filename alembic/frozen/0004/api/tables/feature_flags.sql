create table dbkit.feature_flags (
  feature text primary key check (feature ~ '^[a-z][a-z0-9_]{0,62}$'),
  description text not null default '',
  enabled boolean not null default true,
  min_api_version text not null references dbkit.api_versions (version),
  min_app_version text,
  min_app_key text collate "C" generated always as (dbkit.semver_key(min_app_version)) stored,
  app_names text[],
  rollout_percentage numeric(5, 2) not null default 100
    check (rollout_percentage between 0 and 100),
  updated_at timestamptz not null default clock_timestamp()
);
comment on table dbkit.feature_flags is
  'Features and who sees them: by API version, app version, app name and a sticky share of consumers.';
comment on column dbkit.feature_flags.app_names is 'Apps that see it; NULL: every app.';
comment on column dbkit.feature_flags.rollout_percentage is
  'Share of consumers, 0 to 100. Raising it never takes the feature from somebody who has it.';
grant select on dbkit.feature_flags to anon, authenticated, service_role, super_admin;
