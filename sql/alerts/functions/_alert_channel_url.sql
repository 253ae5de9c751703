create or replace function dbkit._alert_channel_url(p_channel dbkit.alert_channels)
returns text
language plpgsql
stable
as $$
begin
  return dbkit._open_value(
    (select k.key from dbkit.event_secret_keys k where k.organization_id = p_channel.organization_id),
    jsonb_build_array('alert_channel', p_channel.organization_id, p_channel.name)::text,
    p_channel.sealed_url) #>> '{}';
end
$$;
comment on function dbkit._alert_channel_url(dbkit.alert_channels) is
  'The URL of a channel in clear; NULL when the key is gone or the row was tampered with.';
