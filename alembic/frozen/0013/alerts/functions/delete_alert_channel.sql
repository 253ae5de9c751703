create or replace function dbkit.delete_alert_channel(p_name text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('deleting an alert channel');
  delete from dbkit.alert_channels c
  where c.organization_id = dbkit.current_organization() and c.name = p_name;
  if not found then
    perform dbkit._raise_unknown_alert_channel(p_name);
  end if;
end
$$;
comment on function dbkit.delete_alert_channel(text) is
  'Deletes a channel of the caller''s organization. What waits for it is not sent.
Needs service_role. Raises KD003, KD729.';
grant execute on function dbkit.delete_alert_channel(text) to service_role, super_admin;
