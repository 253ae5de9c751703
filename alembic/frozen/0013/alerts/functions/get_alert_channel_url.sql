create or replace function dbkit.get_alert_channel_url(p_name text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_found jsonb;
begin
  perform dbkit.require_service('reading the URL of an alert channel');
  select jsonb_build_object('kind', c.kind, 'url', dbkit._alert_channel_url(c))
  into v_found
  from dbkit.alert_channels c
  where c.organization_id = dbkit.current_organization() and c.name = p_name;
  if v_found is null then
    perform dbkit._raise_unknown_alert_channel(p_name);
  end if;
  return v_found;
end
$$;
comment on function dbkit.get_alert_channel_url(text) is
  'The URL of a channel of the caller''s organization, secrets and all, for who sends to it. url: NULL when
the key that sealed it is gone.
Returns {kind text, url text?}.
Needs service_role. Raises KD003, KD729.';
grant execute on function dbkit.get_alert_channel_url(text) to service_role, super_admin;
