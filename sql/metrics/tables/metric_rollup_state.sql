create table dbkit.metric_rollup_state (
  one boolean primary key default true check (one),
  rolled_until timestamptz not null default '-infinity',
  minutes_from timestamptz not null default '-infinity',
  rolled_at timestamptz
);
comment on table dbkit.metric_rollup_state is 'How far the roll-ups are; one row.';
comment on column dbkit.metric_rollup_state.rolled_until is
  'Every event before it is in the roll-ups, or its minute is in metric_rollup_dirty.';
comment on column dbkit.metric_rollup_state.minutes_from is
  'Minutes before it were thrown away; hours and days are there.';
comment on column dbkit.metric_rollup_state.rolled_at is 'When rollup_metrics last came to its end.';
grant select on dbkit.metric_rollup_state to service_role, super_admin;
