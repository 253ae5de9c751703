-- One row a guarded release, written by functions alone. Counts are kept here and not worked out anew: the
-- request log is read once, in blocks, which is also what the sequential test wants.
create table dbkit.api_releases (
  release_id text collate "C" primary key check (release_id ~ '^rel_[0-9a-f-]{36}$'),
  version text not null references dbkit.api_versions (version),
  previous_version text not null references dbkit.api_versions (version),
  status text not null default 'running'
    check (status in ('running', 'promoted', 'switched_back', 'inconclusive', 'aborted')),
  verdict text not null default 'inconclusive' check (verdict in ('inconclusive', 'safe', 'worse')),
  share numeric(5, 2) not null check (share > 0 and share < 100),
  next_shares numeric(5, 2)[] not null,
  guards text[] not null check (cardinality(guards) > 0 and guards <@ array['error_rate', 'latency']),
  slow_ms numeric(12, 3) check (slow_ms > 0 and slow_ms < 'NaN'),
  min_samples int not null check (min_samples between 20 and 1000000),
  margin numeric(5, 2) not null check (margin between 0.1 and 50),
  false_alarm_rate numeric(6, 5) not null check (false_alarm_rate between 0.0001 and 0.2),
  step_minutes int not null check (step_minutes between 1 and 10080),
  started_at timestamptz not null,
  step_started_at timestamptz not null,
  ends_at timestamptz not null,
  ended_at timestamptz,
  counted_until timestamptz not null,
  evaluated_at timestamptz,
  evaluations int not null default 0,
  new_calls bigint not null default 0,
  new_errors bigint not null default 0,
  new_slow bigint not null default 0,
  old_calls bigint not null default 0,
  old_errors bigint not null default 0,
  old_slow bigint not null default 0,
  all_new_calls bigint not null default 0,
  new_consumers text[] not null default '{}' check (cardinality(new_consumers) <= 3),
  failing_consumers text[] not null default '{}' check (cardinality(failing_consumers) <= 3),
  error_evidence double precision[] not null,
  slow_evidence double precision[] not null,
  reason text check (length(reason) between 1 and 1000),
  begun_by text not null,
  ended_by text,
  deployment_id text not null,
  check (version <> previous_version),
  check ((status = 'running') = (ended_at is null)),
  check ((guards @> array['latency']) = (slow_ms is not null))
);
create unique index uq_api_releases_running on dbkit.api_releases (status) where status = 'running';
create index idx_api_releases_started on dbkit.api_releases (started_at desc);
comment on table dbkit.api_releases is
  'Guarded releases: a share of consumers is served another version, watched by evaluate_releases.';
comment on column dbkit.api_releases.status is
  'promoted: everybody has it; switched_back: it was worse; inconclusive: the time was up before the calls
told; aborted: by hand, by a switch, or because the version ended.';
comment on column dbkit.api_releases.verdict is 'What the calls counted so far say.';
comment on column dbkit.api_releases.share is
  'Per cent of consumers, by hash of version and consumer: growing it keeps who was in.';
comment on column dbkit.api_releases.next_shares is 'Shares still to come, before everybody.';
comment on column dbkit.api_releases.slow_ms is 'Milliseconds beyond which a call counts as slow.';
comment on column dbkit.api_releases.margin is
  'Percentage points by which the new rate may be above the old one to be called safe.';
comment on column dbkit.api_releases.false_alarm_rate is
  'Bound on the chance that a version which is no worse is ever switched back, however often one looks.';
comment on column dbkit.api_releases.counted_until is 'Requests logged before this are in the counts.';
comment on column dbkit.api_releases.new_calls is
  'Counts with new_ and old_ are of the current share: mixing shares could turn a comparison round.';
comment on column dbkit.api_releases.all_new_calls is 'Calls of the new version at all shares.';
comment on column dbkit.api_releases.new_consumers is
  'The first three consumers seen that have the new version.';
comment on column dbkit.api_releases.failing_consumers is
  'The first three of them with a failed or slow call: one broken client is no reason to switch back.';
comment on column dbkit.api_releases.error_evidence is
  'Logarithms of the likelihood ratios of _release_alternatives, over all shares.';
comment on column dbkit.api_releases.deployment_id is 'The beginning, in deployment_log.';
grant select on dbkit.api_releases to service_role, super_admin;
