alter table dbkit.heal_ledger enable row level security;
alter table dbkit.heal_ledger force row level security;
create policy heal_ledger_service on dbkit.heal_ledger
for select to service_role, super_admin using (true);
create policy heal_ledger_owner on dbkit.heal_ledger
to current_user using (true) with check (true);
