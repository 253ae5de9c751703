create table dbkit.maintenance_runs (
  id bigint generated always as identity primary key,
  step text collate "C" not null,
  started_at timestamptz not null,
  took_ms numeric(12, 1) not null check (took_ms >= 0),
  outcome text not null check (outcome in ('done', 'failed', 'skipped')),
  result jsonb,
  error text check (length(error) <= 1000)
);
comment on table dbkit.maintenance_runs is
  'Every run of a maintenance step, of the last 30 days (prune_maintenance).';
comment on column dbkit.maintenance_runs.result is 'What the step''s function returned.';
comment on column dbkit.maintenance_runs.error is 'Why it failed or was skipped.';
create index idx_maintenance_runs_step on dbkit.maintenance_runs (step, id desc);
create index idx_maintenance_runs_started on dbkit.maintenance_runs (started_at);
grant select on dbkit.maintenance_runs to service_role, super_admin;
