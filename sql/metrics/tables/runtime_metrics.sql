-- One index: it finds a type's events of a while, and the roll-up, which asks for all types, asks one by one.
-- Every further index would be paid by each row written.
create table dbkit.runtime_metrics (
  id bigint generated always as identity,
  created_at timestamptz not null default clock_timestamp(),
  organization_id text collate "C" not null default 'default',
  user_id text,
  session_id text,
  event_type text collate "C" not null,
  event_data jsonb not null default '{}' check (jsonb_typeof(event_data) = 'object'),
  primary key (event_type, created_at, id)
) partition by range (created_at);
comment on table dbkit.runtime_metrics is
  'One row an event, in day partitions (UTC). Written by record_metric and ingest_metrics only: who fills it
in another way calls rebuild_metric_rollups for that while.';
comment on column dbkit.runtime_metrics.created_at is
  'When it happened, as the sender says; else when it came.';
comment on column dbkit.runtime_metrics.user_id is 'NULL for anon, who could claim to be anybody.';
grant select on dbkit.runtime_metrics to service_role, super_admin;
