-- Small rows, few of them, read by every worker's poll: no index beyond the key. The row lock is what keeps
-- two workers from running one task at once.
create table dbkit.worker_tasks (
  task text collate "C" primary key check (task ~ '^[a-z][a-z0-9_]{0,62}$'),
  function_signature text not null,
  every_seconds int not null check (every_seconds between 1 and 31536000),
  next_run_at timestamptz not null,
  last_started_at timestamptz,
  last_finished_at timestamptz,
  last_result jsonb,
  last_error text,
  runs bigint not null default 0,
  failures bigint not null default 0,
  failures_in_a_row int not null default 0
);
comment on table dbkit.worker_tasks is
  'Functions that workers call from time to time: the platform''s maintenance, and what users register.';
comment on column dbkit.worker_tasks.function_signature is
  'schema.function(types), called without arguments and with the rights of the worker''s role.';
comment on column dbkit.worker_tasks.next_run_at is
  'Due from here on: every_seconds after the end of a run; sooner or later after a failed one.';
comment on column dbkit.worker_tasks.last_result is 'What the last run that succeeded returned.';
comment on column dbkit.worker_tasks.last_error is 'Why the last run failed; NULL when it succeeded.';
comment on column dbkit.worker_tasks.runs is 'All runs, failed ones too.';
grant select on dbkit.worker_tasks to service_role, super_admin;
