create or replace function dbkit.auto_heal_stuck_orders(p_dry_run boolean default false)
returns jsonb
language plpgsql
volatile
as $$
begin
  return dbkit.run_heal_rules('stuck_orders', p_dry_run);
end
$$;
comment on function dbkit.auto_heal_stuck_orders(boolean) is
  'Runs the heal rules of the group stuck_orders: preparing for more than 45 minutes becomes ready, ready
for more than 2 hours completed, at most a batch of each (more: there may be more). p_dry_run: tells what
would change.
Returns {dry_run boolean, healed bigint, more boolean, rules jsonb}.
Needs service_role. Raises KD003.';
grant execute on function dbkit.auto_heal_stuck_orders(boolean) to service_role, super_admin;
