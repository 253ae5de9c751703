create or replace function dbkit._register_worker_task(p_task text, p_function text, p_every_seconds int)
returns void
language plpgsql
volatile
as $$
declare
  v_signature text := dbkit._check_worker_task(p_task, p_function, p_every_seconds);
  v_now timestamptz := dbkit.clock();
begin
  insert into dbkit.worker_tasks as t (task, function_signature, every_seconds, next_run_at)
  values (p_task, v_signature, p_every_seconds, v_now)
  on conflict (task) do update
  set function_signature = excluded.function_signature, every_seconds = excluded.every_seconds,
    next_run_at = case when t.function_signature = excluded.function_signature
      then least(t.next_run_at, v_now + make_interval(secs => p_every_seconds)) else v_now end;
end
$$;
comment on function dbkit._register_worker_task(text, text, int) is
  'What register_worker_task does, for seeds.';
