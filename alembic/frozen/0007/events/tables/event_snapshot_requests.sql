-- Written by an append that passes a multiple of snapshot_every, so no append waits for a fold.
create table dbkit.event_snapshot_requests (
  organization_id text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  requested_at timestamptz not null,
  primary key (organization_id, aggregate_type, aggregate_id)
);
comment on table dbkit.event_snapshot_requests is
  'Streams of which a snapshot is due; run_snapshots makes them.';
grant select on dbkit.event_snapshot_requests to service_role, super_admin;
