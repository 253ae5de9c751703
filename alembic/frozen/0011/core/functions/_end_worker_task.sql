-- After a failure the next try is 30 s later, each time twice as long, at most an hour, or every_seconds
-- if that is longer: a daily task does not wait for a day, and a frequent one does not fail every second.
-- A task that has more to do than fits a short transaction says so, and goes on in the next one.
create or replace function dbkit._end_worker_task(p_task text, p_result jsonb, p_error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  perform dbkit.require_service('running a task of workers');
  update dbkit.worker_tasks t
  set last_finished_at = v_now,
    last_result = case when p_error is null then p_result else t.last_result end,
    last_error = left(p_error, 1000),
    runs = t.runs + 1,
    failures = t.failures + (p_error is not null)::int,
    failures_in_a_row = case when p_error is null then 0 else t.failures_in_a_row + 1 end,
    next_run_at = v_now + make_interval(secs => case
      when p_error is null and p_result @> '{"more": true}' then 0
      when p_error is null then t.every_seconds
      else least(30 * 2.0 ^ least(t.failures_in_a_row, 20), greatest(t.every_seconds, 3600))
    end)
  where t.task = p_task;
end
$$;
comment on function dbkit._end_worker_task(text, jsonb, text) is
  'Keeps how a run ended, and when the task is due again: at once, when its result is {"more": true, …}.
p_error: NULL when it succeeded. Raises KD003.';
grant execute on function dbkit._end_worker_task(text, jsonb, text) to service_role, super_admin;
