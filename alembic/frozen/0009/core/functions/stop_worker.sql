create or replace function dbkit.stop_worker(p_worker_id uuid default null)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_asked int;
begin
  perform dbkit.require_service('stopping workers');
  update dbkit.workers w
  set stopping = true
  where w.worker_id in (
    select s.worker_id from dbkit.workers s
    where p_worker_id is null or s.worker_id = p_worker_id
    order by s.worker_id
    for update);
  get diagnostics v_asked = row_count;
  perform pg_notify('dbkit_worker', 'stop');
  return v_asked;
end
$$;
comment on function dbkit.stop_worker(uuid) is
  'Asks a worker to stop, without an id all that run now: it takes no more work, finishes or releases what it
has, and ends. It hears so at once when it listens, else at its next beat (10 s). Returns how many were asked.
Nullable: p_worker_id.
Needs service_role. Raises KD003.';
grant execute on function dbkit.stop_worker(uuid) to service_role, super_admin;
