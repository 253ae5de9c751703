-- Not SECURITY DEFINER: the registered function has the rights of the worker's role, not of the owner.
-- What a failed run did is rolled back to its start, and the error is kept.
create or replace function dbkit.run_worker_task(p_task text, p_force boolean default false)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_signature text := dbkit._begin_worker_task(p_task, p_force);
  v_result jsonb;
  v_error text;
begin
  if v_signature is null then
    return jsonb_build_object('ran', false, 'result', null, 'error', null);
  end if;
  begin
    execute format('select to_jsonb(r) -> ''result'' from (select %s as result) as r',
      regexp_replace(v_signature, '\([^(]*\)$', '()')) into v_result;
  exception when query_canceled or assert_failure or others then
    v_error := format('%s: %s', sqlstate, sqlerrm);
  end;
  perform dbkit._end_worker_task(p_task, v_result, v_error);
  return jsonb_build_object('ran', true, 'result', v_result, 'error', v_error);
end
$$;
comment on function dbkit.run_worker_task(text, boolean) is
  'Runs a task if it is due (p_force: also if it is not) and nobody else runs it at the moment. What fails is
undone, told in error as SQLSTATE and message, and tried again later: nothing is raised.
Returns {ran boolean, result jsonb?, error text?}.
Needs service_role. Raises KD003, KD005.';
grant execute on function dbkit.run_worker_task(text, boolean) to service_role, super_admin;
