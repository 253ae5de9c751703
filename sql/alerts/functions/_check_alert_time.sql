create or replace function dbkit._check_alert_time(p_now timestamptz)
returns timestamptz
language plpgsql
stable
as $$
declare
  v_clock timestamptz := dbkit.clock();
  v_now timestamptz := coalesce(p_now, v_clock);
begin
  if not isfinite(v_now) or v_now > v_clock + interval '1 minute' then
    perform dbkit.raise_error('KD732', 'rules are evaluated at a time that has come, not in the future',
      jsonb_build_object('argument', 'p_now', 'value', p_now, 'clock', v_clock),
      'Leave it out for the time now. A rule is never evaluated for a time before its last evaluation.');
  end if;
  return v_now;
end
$$;
comment on function dbkit._check_alert_time(timestamptz) is
  'The time of an evaluation, NULL is now. Raises KD732.';
grant execute on function dbkit._check_alert_time(timestamptz) to service_role, super_admin;
