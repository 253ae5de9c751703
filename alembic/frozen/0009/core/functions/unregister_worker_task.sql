create or replace function dbkit.unregister_worker_task(p_task text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('taking a task from workers');
  if not dbkit._unregister_worker_task(p_task) then
    perform dbkit._raise_unknown_worker_task(p_task);
  end if;
end
$$;
comment on function dbkit.unregister_worker_task(text) is
  'Workers run the task no more; one that is under way is waited for.
Needs super_admin. Raises KD003, KD005.';
grant execute on function dbkit.unregister_worker_task(text) to super_admin;
