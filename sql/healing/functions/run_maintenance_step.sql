-- Not SECURITY DEFINER: the step's function has the rights of whoever runs it. What a failed step did is
-- taken back to its start. Locks: the step, then what its function locks.
create or replace function dbkit.run_maintenance_step(p_step text)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_started constant timestamptz := dbkit.clock();
  v_begin constant timestamptz := clock_timestamp();
  v_signature constant text := dbkit._begin_maintenance_step(p_step);
  v_function regproc;
  v_outcome text := 'done';
  v_result jsonb;
  v_error text;
  v_ms numeric;
begin
  if v_signature is null then
    return jsonb_build_object('step', p_step, 'outcome', 'busy', 'took_ms', 0, 'more', false, 'result', null,
      'error', 'it runs elsewhere');
  end if;
  v_function := to_regproc(split_part(v_signature, '(', 1));
  if v_function is null then
    v_outcome := 'skipped';
    v_error := format('there is no function %s', v_signature);
  else
    begin
      execute format('select to_jsonb(r) -> ''result'' from (select %s() as result) as r', v_function)
      into v_result;
    exception when query_canceled or assert_failure or others then
      v_outcome := 'failed';
      v_error := format('%s: %s', sqlstate, sqlerrm);
    end;
  end if;
  v_ms := round((extract(epoch from clock_timestamp() - v_begin) * 1000)::numeric, 1);
  perform dbkit._end_maintenance_step(p_step, v_started, greatest(v_ms, 0), v_outcome, v_result, v_error);
  return jsonb_build_object('step', p_step, 'outcome', v_outcome, 'took_ms', greatest(v_ms, 0),
    'more', coalesce(v_result @> '{"more": true}', false), 'result', v_result, 'error', v_error);
end
$$;
comment on function dbkit.run_maintenance_step(text) is
  'Runs a step now, also one that is not due or not enabled, and keeps how it ended. outcome: done, failed
(taken back, nothing is raised), skipped (its function is not there), busy (it runs elsewhere; this leaves
no trace).
Returns {step text, outcome text, took_ms numeric, more boolean, result jsonb?, error text?}.
Needs service_role. Raises KD003, KD747.';
grant execute on function dbkit.run_maintenance_step(text) to service_role, super_admin;
