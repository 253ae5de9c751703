-- A step that is there keeps whether it is enabled, and how often it runs. A function that may lack is looked
-- for when the step runs, and is skipped until it is there.
create or replace function dbkit._register_maintenance_step(
  p_step dbkit.maintenance_steps,
  p_may_lack boolean default false
)
returns void
language plpgsql
volatile
as $$
declare
  v_signature constant text := case
    when p_may_lack and to_regproc(p_step.function_signature) is null then p_step.function_signature || '()'
    else dbkit._check_maintenance_step(p_step) end;
begin
  insert into dbkit.maintenance_steps as s (step, description, function_signature, run_order, holds_locks,
    every_seconds, enabled, next_run_at)
  values (p_step.step, p_step.description, v_signature, p_step.run_order, p_step.holds_locks,
    p_step.every_seconds, p_step.enabled, dbkit.clock())
  on conflict (step) do update
  set description = excluded.description, function_signature = excluded.function_signature,
    run_order = excluded.run_order, holds_locks = excluded.holds_locks;
end
$$;
comment on function dbkit._register_maintenance_step(dbkit.maintenance_steps, boolean) is
  'What register_maintenance_step does at first, for seeds. Raises KD748.';
