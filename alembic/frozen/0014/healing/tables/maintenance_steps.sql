-- The row is locked while its step runs, so that of two runs one passes it by.
create table dbkit.maintenance_steps (
  step text collate "C" primary key check (step ~ '^[a-z][a-z0-9_]{0,62}$'),
  description text not null check (length(description) between 1 and 500),
  function_signature text not null,
  run_order int not null check (run_order between 0 and 1000000),
  holds_locks boolean not null,
  every_seconds int not null check (every_seconds between 1 and 31536000),
  enabled boolean not null,
  next_run_at timestamptz not null
);
comment on table dbkit.maintenance_steps is
  'What run_system_maintenance does, and a worker every every_seconds: functions without arguments.';
comment on column dbkit.maintenance_steps.function_signature is
  'schema.function(types), called without arguments, with the rights of whoever runs it.';
comment on column dbkit.maintenance_steps.run_order is 'Lower runs first.';
comment on column dbkit.maintenance_steps.holds_locks is
  'It locks what others change, until its transaction ends: where all steps share one, it runs after those
that do not.';
comment on column dbkit.maintenance_steps.next_run_at is 'When a worker runs it next.';
grant select on dbkit.maintenance_steps to service_role, super_admin;
