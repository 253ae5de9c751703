alter table dbkit.event_projections enable row level security;
alter table dbkit.event_projections force row level security;
create policy event_projections_organization on dbkit.event_projections
for select to authenticated
using (
  organization_id = (select dbkit.current_organization())
  and projection <> all(dbkit._service_projections())
);
create policy event_projections_service on dbkit.event_projections
for select to service_role, super_admin using (true);
create policy event_projections_owner on dbkit.event_projections
to current_user using (true) with check (true);
