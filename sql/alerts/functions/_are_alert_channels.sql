create or replace function dbkit._are_alert_channels(p_channels jsonb)
returns boolean
language plpgsql
immutable
as $$
begin
  return jsonb_typeof(p_channels) = 'array' and jsonb_array_length(p_channels) <= 20 and not exists (
    select from jsonb_array_elements(p_channels) as c (value)
    where jsonb_typeof(c.value) <> 'string' or c.value #>> '{}' !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$');
end
$$;
comment on function dbkit._are_alert_channels(jsonb) is 'Whether a rule may have these channels.';
grant execute on function dbkit._are_alert_channels(jsonb) to service_role, super_admin;
