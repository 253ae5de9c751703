create or replace function dbkit.get_alert_work()
returns timestamptz
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('seeing what there is to do');
  return (
    select n.next_attempt_at
    from dbkit.alert_notifications n
    where n.status in ('pending', 'leased', 'retry_wait')
    order by n.next_attempt_at
    limit 1);
end
$$;
comment on function dbkit.get_alert_work() is
  'When claim_alert_notifications has something next, at the earliest; NULL: nothing waits.
Needs service_role. Raises KD003.';
grant execute on function dbkit.get_alert_work() to service_role, super_admin;
