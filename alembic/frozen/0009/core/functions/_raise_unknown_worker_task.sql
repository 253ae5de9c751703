create or replace function dbkit._raise_unknown_worker_task(p_task text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD005', format('there is no task %s', coalesce(p_task, 'NULL')),
    jsonb_build_object('task', p_task), 'dbkit.get_worker_tasks() lists them.');
end
$$;
comment on function dbkit._raise_unknown_worker_task(text) is 'Raises KD005.';
