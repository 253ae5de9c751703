-- Old rows are deleted by whoever beats, without waiting for another that does the same.
create or replace function dbkit.beat_worker(
  p_worker_id uuid,
  p_host text,
  p_pid int,
  p_version text,
  p_state jsonb default '{}'
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_stop boolean;
begin
  perform dbkit.require_service('running a worker');
  if p_worker_id is null or p_pid is null or length(p_host) between 1 and 255 is not true
    or length(p_version) between 1 and 100 is not true or jsonb_typeof(p_state) = 'object' is not true
  then
    perform dbkit.raise_error('KD004', 'a worker says its id, host, pid, version and state (a JSON object)',
      jsonb_build_object('worker_id', p_worker_id));
  end if;
  insert into dbkit.workers as w (worker_id, host, pid, version, started_at, beat_at, state)
  values (p_worker_id, p_host, p_pid, p_version, v_now, v_now, p_state)
  on conflict (worker_id) do update
  set beat_at = excluded.beat_at, state = excluded.state
  returning w.stopping into v_stop;
  delete from dbkit.workers w
  where w.worker_id in (
    select old.worker_id from dbkit.workers old
    where old.beat_at < v_now - interval '1 day'
    for update skip locked);
  return jsonb_build_object('stop', v_stop);
end
$$;
comment on function dbkit.beat_worker(uuid, text, int, text, jsonb) is
  'A worker says that it lives, and hears whether it shall stop. The id is its own choice, new for each
process. Forgets workers that have been silent for a day.
Returns {stop boolean}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.beat_worker(uuid, text, int, text, jsonb) to service_role, super_admin;
