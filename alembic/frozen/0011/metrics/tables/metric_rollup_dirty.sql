-- No key, so that nobody waits for another's transaction to say the same.
create table dbkit.metric_rollup_dirty (
  minute timestamptz not null
);
create index metric_rollup_dirty_minute on dbkit.metric_rollup_dirty (minute);
comment on table dbkit.metric_rollup_dirty is
  'Minutes whose roll-ups lack late events: read from the events until rollup_metrics has made them again.';
grant select on dbkit.metric_rollup_dirty to service_role, super_admin;
