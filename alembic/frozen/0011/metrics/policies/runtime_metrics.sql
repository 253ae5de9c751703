alter table dbkit.runtime_metrics enable row level security;
alter table dbkit.runtime_metrics force row level security;

create policy runtime_metrics_owner on dbkit.runtime_metrics
to current_user
using (true)
with check (true);

create policy runtime_metrics_service on dbkit.runtime_metrics
for select
to service_role, super_admin
using (true);
