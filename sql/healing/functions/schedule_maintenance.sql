-- A job for each step, since steps must not share a transaction. A job goes on while there is more to do,
-- a transaction each: batches are small, so that nothing stays locked for long. Dynamic, because pg_cron
-- may be missing; with the caller's rights, because a job runs as whoever scheduled it.
create or replace function dbkit.schedule_maintenance(p_schedule text default '*/15 * * * *')
returns text[]
language plpgsql
volatile
as $$
declare
  v_step text;
  v_jobs text[] := array[]::text[];
begin
  perform dbkit.require_service('scheduling maintenance');
  perform dbkit._require_scheduler();
  for v_step in
    select s.step from dbkit.maintenance_steps s where s.enabled order by s.run_order, s.step
  loop
    execute format('select %I.schedule($1, $2, $3)', 'cron')
    using 'dbkit_maintenance_' || v_step, p_schedule, format(
      'do $job$ begin for n in 1 .. 100 loop exit when not (dbkit.run_maintenance_step(%L) ->> ''more'')::boolean; '
      'commit; end loop; end $job$', v_step);
    v_jobs := v_jobs || format('dbkit_maintenance_%s', v_step);
  end loop;
  return v_jobs;
end
$$;
comment on function dbkit.schedule_maintenance(text) is
  'Lets pg_cron run every enabled step of the maintenance, each as a job of its own, a batch a
transaction, instead of a worker. Done again it changes the schedule, and adds what was registered since.
Returns the jobs'' names.
Needs service_role and the right to use pg_cron. Raises KD003, KD749 (no pg_cron here).';
grant execute on function dbkit.schedule_maintenance(text) to service_role, super_admin;
