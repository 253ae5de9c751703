create or replace function dbkit.register_maintenance_step(
  p_step text,
  p_description text,
  p_function text,
  p_every_seconds int default 900,
  p_run_order int default 100,
  p_holds_locks boolean default false,
  p_enabled boolean default true
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_step dbkit.maintenance_steps;
begin
  perform dbkit.require_super_admin('registering a maintenance step');
  v_step.step := p_step;
  v_step.description := p_description;
  v_step.function_signature := p_function;
  v_step.run_order := p_run_order;
  v_step.holds_locks := p_holds_locks;
  v_step.every_seconds := p_every_seconds;
  v_step.enabled := p_enabled;
  perform dbkit._register_maintenance_step(v_step);
  update dbkit.maintenance_steps s
  set every_seconds = p_every_seconds, enabled = p_enabled,
    next_run_at = least(s.next_run_at, dbkit.clock() + make_interval(secs => p_every_seconds))
  where s.step = p_step;
end
$$;
comment on function dbkit.register_maintenance_step(text, text, text, int, int, boolean, boolean) is
  'Adds a step to the maintenance, or changes it. p_function (schema.function) takes no arguments, or has
defaults for all, returns one value or none, and runs in a subtransaction with the rights of whoever runs
the maintenance. One that returns {"more": true} is run again at once by a worker. p_holds_locks: it locks
what others change.
Needs super_admin. Raises KD003, KD748.';
grant execute on function dbkit.register_maintenance_step(text, text, text, int, int, boolean, boolean)
to super_admin;
