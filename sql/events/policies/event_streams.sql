alter table dbkit.event_streams enable row level security;
alter table dbkit.event_streams force row level security;
create policy event_streams_organization on dbkit.event_streams
for select to authenticated
using (
  organization_id = (select dbkit.current_organization())
  and aggregate_type <> all(dbkit._service_aggregate_types())
);
create policy event_streams_service on dbkit.event_streams
for select to service_role, super_admin using (true);
create policy event_streams_owner on dbkit.event_streams
to current_user using (true) with check (true);
