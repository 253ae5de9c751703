create or replace function dbkit.get_alert_channels(p_organization_id text default null)
returns table (
  organization_id text,
  name text,
  kind text,
  enabled boolean,
  created_at timestamptz,
  created_by text,
  updated_at timestamptz,
  waiting bigint,
  last_sent_at timestamptz,
  last_error text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing alert channels');
  return query
  select c.organization_id, c.name, c.kind, c.enabled, c.created_at, c.created_by, c.updated_at,
    (select count(*) from dbkit.alert_notifications n
      where n.organization_id = c.organization_id and n.channel = c.name
        and n.status in ('pending', 'leased', 'retry_wait')),
    (select max(n.settled_at) from dbkit.alert_notifications n
      where n.organization_id = c.organization_id and n.channel = c.name and n.status = 'sent'),
    (select n.last_error from dbkit.alert_notifications n
      where n.organization_id = c.organization_id and n.channel = c.name and n.attempts > 0
      order by n.id desc
      limit 1)
  from dbkit.alert_channels c
  where v_organization_id is null or c.organization_id = v_organization_id
  order by c.organization_id, c.name;
end
$$;
comment on function dbkit.get_alert_channels(text) is
  'Channels and how they are doing, without their URLs. p_organization_id: NULL that of the request context,
* all.
waiting: notices that are not done; last_error: of the newest notice, NULL when it was sent.
Needs service_role. Raises KD003.
Nullable: last_sent_at, last_error.';
grant execute on function dbkit.get_alert_channels(text) to service_role, super_admin;
