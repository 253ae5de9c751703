create or replace function dbkit.require_super_admin(p_what text)
returns void
language plpgsql
stable
as $$
begin
  if not dbkit.is_super_admin() then
    perform dbkit.raise_error(
      'KD003',
      format('%s needs the role super_admin, and %s does not have it', p_what, dbkit.caller_role()),
      jsonb_build_object('required_role', 'super_admin', 'caller_role', dbkit.caller_role()),
      'Connect as a login that has been granted super_admin, or SET ROLE super_admin.');
  end if;
end
$$;
comment on function dbkit.require_super_admin(text) is
  'Raises KD003 (forbidden) unless the caller has super_admin. The argument names the action.';
grant execute on function dbkit.require_super_admin(text)
to anon, authenticated, service_role, super_admin;
