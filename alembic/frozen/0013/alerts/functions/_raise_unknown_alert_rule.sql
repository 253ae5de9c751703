create or replace function dbkit._raise_unknown_alert_rule(p_name text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD720', format('there is no alert rule %s', coalesce(quote_literal(p_name),
    'NULL')),
    jsonb_build_object('name', p_name), 'dbkit.get_alert_rules() lists them.');
end
$$;
comment on function dbkit._raise_unknown_alert_rule(text) is 'Raises KD720.';
grant execute on function dbkit._raise_unknown_alert_rule(text) to service_role, super_admin;
