alter table dbkit.event_snapshots enable row level security;
alter table dbkit.event_snapshots force row level security;
create policy event_snapshots_organization on dbkit.event_snapshots
for select to authenticated
using (
  organization_id = (select dbkit.current_organization())
  and aggregate_type <> all(dbkit._service_aggregate_types())
);
create policy event_snapshots_service on dbkit.event_snapshots
for select to service_role, super_admin using (true);
create policy event_snapshots_owner on dbkit.event_snapshots
to current_user using (true) with check (true);
