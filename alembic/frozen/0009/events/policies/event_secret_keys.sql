alter table dbkit.event_secret_keys enable row level security;
alter table dbkit.event_secret_keys force row level security;
create policy event_secret_keys_owner on dbkit.event_secret_keys
to current_user using (true) with check (true);
