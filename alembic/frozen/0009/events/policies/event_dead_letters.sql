alter table dbkit.event_dead_letters enable row level security;
alter table dbkit.event_dead_letters force row level security;
create policy event_dead_letters_service on dbkit.event_dead_letters
for select to service_role, super_admin using (true);
create policy event_dead_letters_owner on dbkit.event_dead_letters
to current_user using (true) with check (true);
