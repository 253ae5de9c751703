-- For workers: one step a transaction, so that no step's locks wait for another's work. The one that has
-- been due for longest comes first, so a step that always has more to do keeps none from its turn.
create or replace function dbkit.run_due_maintenance()
returns jsonb
language plpgsql
volatile
as $$
declare
  v_now constant timestamptz := dbkit.clock();
  v_step text;
  v_run jsonb;
begin
  select s.step into v_step
  from dbkit.maintenance_steps s
  where s.enabled and s.next_run_at <= v_now
  order by s.next_run_at, s.run_order, s.step
  limit 1;
  if v_step is null then
    return jsonb_build_object('step', null, 'outcome', null, 'error', null, 'more', false);
  end if;
  v_run := dbkit.run_maintenance_step(v_step);
  return jsonb_build_object('step', v_step, 'outcome', v_run -> 'outcome', 'error', v_run -> 'error',
    'more', v_run ->> 'outcome' <> 'busy' and exists (
      select from dbkit.maintenance_steps s where s.enabled and s.next_run_at <= dbkit.clock()));
end
$$;
comment on function dbkit.run_due_maintenance() is
  'Runs the step that has been due for longest, if one is: a worker''s task, once a minute and again while
there are more.
Returns {step text?, outcome text?, error text?, more boolean}.
Needs service_role. Raises KD003.';
grant execute on function dbkit.run_due_maintenance() to service_role, super_admin;
