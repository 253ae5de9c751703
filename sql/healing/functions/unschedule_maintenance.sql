create or replace function dbkit.unschedule_maintenance()
returns text[]
language plpgsql
volatile
as $$
declare
  v_job text;
  v_jobs text[];
begin
  perform dbkit.require_service('scheduling maintenance');
  perform dbkit._require_scheduler();
  execute format('select coalesce(array_agg(j.jobname::text order by j.jobname), ''{}'') from %I.job j
    where starts_with(j.jobname::text, $1)', 'cron')
  into v_jobs
  using 'dbkit_maintenance_';
  foreach v_job in array v_jobs loop
    execute format('select %I.unschedule($1)', 'cron') using v_job;
  end loop;
  return v_jobs;
end
$$;
comment on function dbkit.unschedule_maintenance() is
  'Takes the maintenance from pg_cron. Returns the names of the jobs that there were.
Needs service_role and the right to use pg_cron. Raises KD003, KD749 (no pg_cron here).';
grant execute on function dbkit.unschedule_maintenance() to service_role, super_admin;
