create or replace function dbkit.ensure_day_partitions(p_table regclass, p_days_ahead int default 7)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('making partitions');
  return dbkit._make_day_partitions(p_table, p_days_ahead);
end
$$;
comment on function dbkit.ensure_day_partitions(regclass, int) is
  'Makes the missing day partitions (UTC) of a table of dbkit, from today to p_days_ahead days ahead.
Returns how many were made. Needs service_role (KD003); KD004 for another table or a bad number.';
grant execute on function dbkit.ensure_day_partitions(regclass, int) to service_role, super_admin;
