create or replace function dbkit.prune_alert_history(p_older_than interval default '400 days')
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform dbkit.require_service('deleting old alerts');
  if (p_older_than between interval '1 day' and interval '100 years') is not true then
    perform dbkit.raise_error('KD004', 'p_older_than must be between a day and 100 years', '{"argument": "p_older_than"}');
  end if;
  with gone as (
    delete from dbkit.alert_history h
    where h.id in (
      select o.id
      from dbkit.alert_history o
      where o.status = 'resolved' and o.resolved_at < dbkit.clock() - p_older_than
      order by o.id
      limit 10000)
    returning 1)
  select count(*) into v_deleted from gone;
  delete from dbkit.alert_silences s where s.ends_at < dbkit.clock() - p_older_than;
  return v_deleted;
end
$$;
comment on function dbkit.prune_alert_history(interval) is
  'Deletes alerts that were resolved so long ago (a day to 100 years) with their notices, 10000 at most, and
silences that ended then. Returns how many alerts. Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.prune_alert_history(interval) to service_role, super_admin;
