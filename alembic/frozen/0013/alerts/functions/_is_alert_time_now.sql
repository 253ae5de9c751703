create or replace function dbkit._is_alert_time_now(p_now timestamptz)
returns boolean
language plpgsql
stable
as $$
begin
  return p_now >= dbkit.clock() - interval '5 minutes';
end
$$;
comment on function dbkit._is_alert_time_now(timestamptz) is
  'Whether what the server says of itself now is what it would have said then: of the past it knows nothing.';
grant execute on function dbkit._is_alert_time_now(timestamptz) to service_role, super_admin;
