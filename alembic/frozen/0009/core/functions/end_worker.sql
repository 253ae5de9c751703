create or replace function dbkit.end_worker(p_worker_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('running a worker');
  delete from dbkit.workers w where w.worker_id = p_worker_id;
  return found;
end
$$;
comment on function dbkit.end_worker(uuid) is
  'A worker says that it ends, and is forgotten. Returns whether it was known.
Needs service_role. Raises KD003.';
grant execute on function dbkit.end_worker(uuid) to service_role, super_admin;
