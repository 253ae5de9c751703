-- service_role counts as having every client's rights (caller_has_role), but not super_admin's, nor those of
-- roles that it was not granted.
create or replace function dbkit._check_api_key_role(p_role text)
returns void
language plpgsql
stable
as $$
declare
  v_caller text := dbkit.caller_role();
begin
  if (p_role in ('anon', 'authenticated', 'service_role', 'super_admin') or p_role <> 'dbkit_gateway'
    and pg_has_role('dbkit_gateway', to_regrole(quote_ident(p_role)), 'member')) is not true
  then
    perform dbkit.raise_error('KD123', 'the role of an API key must be one that gateways switch to',
      jsonb_build_object('argument', 'p_role', 'value', left(p_role, 100)),
      'Take anon, authenticated, service_role or super_admin, or grant the role to dbkit_gateway.');
  elsif p_role not in ('anon', 'authenticated', 'service_role')
    and not pg_has_role(v_caller, p_role, 'member')
  then
    perform dbkit.raise_error('KD003', format('a key with the role %s is given by who has it', p_role),
      jsonb_build_object('required_role', p_role, 'caller_role', v_caller),
      'Let a member of that role do it.');
  end if;
end
$$;
comment on function dbkit._check_api_key_role(text) is
  'Raises KD123 for a role that no gateway switches to, KD003 for one that the caller does not have.';
