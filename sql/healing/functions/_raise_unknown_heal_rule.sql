create or replace function dbkit._raise_unknown_heal_rule(p_rule text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD740', format('there is no heal rule %s', coalesce(left(p_rule, 100), 'NULL')),
    jsonb_build_object('rule', left(p_rule, 100)), 'dbkit.get_heal_rules() lists them.');
end
$$;
comment on function dbkit._raise_unknown_heal_rule(text) is 'Raises KD740.';
grant execute on function dbkit._raise_unknown_heal_rule(text) to service_role, super_admin;
