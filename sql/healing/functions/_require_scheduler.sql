create or replace function dbkit._require_scheduler()
returns void
language plpgsql
volatile
as $$
begin
  if to_regnamespace('cron') is null or to_regclass('cron.job') is null then
    perform dbkit.raise_error('KD749', 'pg_cron is not installed in this database',
      jsonb_build_object('database', current_database()),
      'A worker runs the maintenance without it: dbkit worker. Or: create extension pg_cron (its database is '
      'the setting cron.database_name).');
  end if;
end
$$;
comment on function dbkit._require_scheduler() is 'Raises KD749 where pg_cron is not installed.';
grant execute on function dbkit._require_scheduler() to service_role, super_admin;
