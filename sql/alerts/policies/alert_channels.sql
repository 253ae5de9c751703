alter table dbkit.alert_channels enable row level security;
alter table dbkit.alert_channels force row level security;
create policy alert_channels_owner on dbkit.alert_channels
to current_user using (true) with check (true);
