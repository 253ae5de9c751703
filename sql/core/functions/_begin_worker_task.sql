-- Locks the task's row until the transaction ends; who finds it locked goes away.
create or replace function dbkit._begin_worker_task(p_task text, p_force boolean)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_signature text;
begin
  perform dbkit.require_service('running a task of workers');
  if not exists (select from dbkit.worker_tasks t where t.task = p_task) then
    perform dbkit._raise_unknown_worker_task(p_task);
  end if;
  select t.function_signature into v_signature
  from dbkit.worker_tasks t
  where t.task = p_task and (p_force or t.next_run_at <= v_now)
  for update skip locked;
  if found then
    update dbkit.worker_tasks t set last_started_at = v_now where t.task = p_task;
  end if;
  return v_signature;
end
$$;
comment on function dbkit._begin_worker_task(text, boolean) is
  'The function of a task that is due (or p_force), its row locked; NULL when it is not due or runs elsewhere.
Raises KD003, KD005.';
grant execute on function dbkit._begin_worker_task(text, boolean) to service_role, super_admin;
