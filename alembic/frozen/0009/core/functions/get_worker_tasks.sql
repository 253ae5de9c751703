create or replace function dbkit.get_worker_tasks()
returns table (
  task text,
  function_signature text,
  every_seconds int,
  next_run_at timestamptz,
  last_started_at timestamptz,
  last_finished_at timestamptz,
  last_result jsonb,
  last_error text,
  runs bigint,
  failures bigint,
  failures_in_a_row int
)
language plpgsql
stable
as $$
begin
  return query
  select t.task, t.function_signature, t.every_seconds, t.next_run_at, t.last_started_at, t.last_finished_at,
    t.last_result, t.last_error, t.runs, t.failures, t.failures_in_a_row
  from dbkit.worker_tasks t
  order by t.task;
end
$$;
comment on function dbkit.get_worker_tasks() is
  'The tasks of workers and how their last runs ended.
Nullable: last_started_at, last_finished_at, last_result, last_error.
Needs service_role.';
grant execute on function dbkit.get_worker_tasks() to service_role, super_admin;
