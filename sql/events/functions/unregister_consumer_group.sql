create or replace function dbkit.unregister_consumer_group(p_group text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('unregistering a consumer group');
  delete from dbkit.event_consumer_groups g where g.group_name = p_group;
  return found;
end
$$;
comment on function dbkit.unregister_consumer_group(text) is
  'Forgets a consumer group, where it was and which streams it holds back; its dead letters stay. Who still
has a batch of it cannot acknowledge that. Whether there was one.
Needs service_role. Raises KD003.';
grant execute on function dbkit.unregister_consumer_group(text) to service_role, super_admin;
