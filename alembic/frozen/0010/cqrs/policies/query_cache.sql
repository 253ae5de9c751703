alter table dbkit.query_cache enable row level security;
alter table dbkit.query_cache force row level security;
create policy query_cache_admin on dbkit.query_cache
for select to super_admin using (true);
create policy query_cache_owner on dbkit.query_cache
to current_user using (true) with check (true);
