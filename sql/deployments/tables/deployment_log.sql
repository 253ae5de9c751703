-- What ran where, and when. Three kinds share one log, so that "what changed before the errors
-- began" is one query. Nobody but the owner's functions writes: an audit that its subject can
-- edit or delete proves nothing. Rows are never removed; only status, smoke_test_passed and
-- completed_at ever change.
create table dbkit.deployment_log (
  id bigint generated always as identity primary key,
  deployment_id text not null unique check (deployment_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'),
  kind text not null default 'release' check (kind in ('release', 'api_switch', 'rollback')),
  environment text not null check (environment in ('staging', 'production')),
  version text not null check (version ~ '^\S{1,100}$'),
  commit_sha text check (commit_sha ~ '^[0-9a-f]{7,64}$'),
  deployed_by text not null,
  deployed_at timestamptz not null,
  completed_at timestamptz,
  status text not null check (status in ('deploying', 'success', 'failed', 'rolled_back')),
  smoke_test_passed boolean,
  rollback_target_id bigint references dbkit.deployment_log (id),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  constraint deployment_log_completed check ((status = 'deploying') = (completed_at is null)),
  constraint deployment_log_target check ((kind = 'rollback') = (rollback_target_id is not null)),
  constraint deployment_log_target_other check (rollback_target_id < id)
);
create index idx_deployment_log_last_success on dbkit.deployment_log
  (environment, deployed_at desc, id desc)
  where kind = 'release' and status = 'success' and smoke_test_passed;
create index idx_deployment_log_time on dbkit.deployment_log (deployed_at desc);
comment on table dbkit.deployment_log is
  'Releases, switches of the API version and rollbacks, each with its outcome. Only functions write.';
comment on column dbkit.deployment_log.deployment_id is
  'The name that tools use: given by the deploy command, or dep_<uuid>.';
comment on column dbkit.deployment_log.kind is
  'release: an application was deployed; api_switch: the active API version moved; rollback: a
release was replaced by an earlier one.';
comment on column dbkit.deployment_log.version is
  'Version that runs once this is done: of the app, or the API version (v3) for an api_switch.';
comment on column dbkit.deployment_log.deployed_by is 'The database role that called.';
comment on column dbkit.deployment_log.deployed_at is 'When it started.';
comment on column dbkit.deployment_log.completed_at is
  'When it left the status deploying; a later rollback does not change it.';
comment on column dbkit.deployment_log.smoke_test_passed is
  'Outcome of the smoke tests; NULL: not run, and so never a rollback''s target.';
comment on column dbkit.deployment_log.rollback_target_id is
  'For a rollback: the release that is put back. Always a release, never another rollback.';
comment on column dbkit.deployment_log.details is
  'Anything else, as an object. A rollback has reason and rolled_back_deployment_id.';
grant select on dbkit.deployment_log to service_role, super_admin;
