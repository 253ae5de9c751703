-- Whoever finds all rows of a reason locked adds one: nobody waits, and there are no more rows than callers
-- at once.
create table dbkit.metric_drops (
  id bigint generated always as identity primary key,
  hour timestamptz not null,
  reason text collate "C" not null,
  dropped bigint not null
);
create index metric_drops_hour on dbkit.metric_drops (hour, reason);
comment on table dbkit.metric_drops is
  'Events that ingest_metrics did not take (or put into __other__), by hour and reason.';
grant select on dbkit.metric_drops to service_role, super_admin;
