alter table dbkit.event_store enable row level security;
alter table dbkit.event_store force row level security;
create policy event_store_organization on dbkit.event_store
for select to authenticated
using (
  organization_id = (select dbkit.current_organization())
  and aggregate_type <> all(dbkit._service_aggregate_types())
);
create policy event_store_service on dbkit.event_store
for select to service_role, super_admin using (true);
create policy event_store_owner on dbkit.event_store
to current_user using (true) with check (true);
