-- The rules for the function are those of a worker's task, and so is the check.
create or replace function dbkit._check_maintenance_step(p_step dbkit.maintenance_steps)
returns text
language plpgsql
stable
as $$
declare
  v_signature text;
  v_problem text;
begin
  begin
    v_signature := dbkit._check_worker_task(p_step.step, p_step.function_signature, p_step.every_seconds);
  exception when sqlstate 'KD006' then
    v_problem := split_part(sqlerrm, 'cannot be registered: ', 2);
  end;
  v_problem := coalesce(v_problem, case
    when length(p_step.description) between 1 and 500 is not true then 'it needs a description of 1 to 500 characters'
    when p_step.run_order between 0 and 1000000 is not true then 'run_order is 0 to 1000000'
    when p_step.holds_locks is null or p_step.enabled is null then 'holds_locks and enabled are true or false'
  end);
  if v_problem is not null then
    perform dbkit.raise_error('KD748', format('the maintenance step %s cannot be registered: %s',
      left(p_step.step, 100), v_problem),
      jsonb_build_object('step', left(p_step.step, 100), 'problem', v_problem),
      'It runs with the rights of whoever runs it: grant usage on schema … and execute on function … to '
      'service_role, super_admin.');
  end if;
  return v_signature;
end
$$;
comment on function dbkit._check_maintenance_step(dbkit.maintenance_steps) is
  'The full signature of a step''s function. Raises KD748 when the step cannot be registered so.';
