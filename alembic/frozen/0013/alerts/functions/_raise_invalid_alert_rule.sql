create or replace function dbkit._raise_invalid_alert_rule(p_argument text, p_problem text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD721', format('%s %s', p_argument, p_problem),
    jsonb_build_object('argument', p_argument, 'problem', p_problem));
end
$$;
comment on function dbkit._raise_invalid_alert_rule(text, text) is 'Raises KD721.';
grant execute on function dbkit._raise_invalid_alert_rule(text, text) to service_role, super_admin;
