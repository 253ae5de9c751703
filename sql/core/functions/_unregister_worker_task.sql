create or replace function dbkit._unregister_worker_task(p_task text)
returns boolean
language plpgsql
volatile
as $$
begin
  delete from dbkit.worker_tasks t where t.task = p_task;
  return found;
end
$$;
comment on function dbkit._unregister_worker_task(text) is
  'What unregister_worker_task does, for seeds. Returns whether there was such a task.';
