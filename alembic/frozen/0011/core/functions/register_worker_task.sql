create or replace function dbkit.register_worker_task(p_task text, p_function text, p_every_seconds int)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a task of workers');
  perform dbkit._register_worker_task(p_task, p_function, p_every_seconds);
end
$$;
comment on function dbkit.register_worker_task(text, text, int) is
  'Lets workers call a function every p_every_seconds (1 to 31536000), for the first time at once. It takes no
arguments (or has defaults for all), returns one value or none, and is the only one of its name; it runs in a
transaction of its own with the rights of the worker''s role. p_function: schema.function or with its types.
One that returns {"more": true} is due again at once. Registered again it is changed, and goes on counting.
Needs super_admin. Raises KD003, KD006.';
grant execute on function dbkit.register_worker_task(text, text, int) to super_admin;
