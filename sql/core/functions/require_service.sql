create or replace function dbkit.require_service(p_what text)
returns void
language plpgsql
stable
as $$
begin
  if not dbkit.caller_has_role('service_role') then
    perform dbkit.raise_error(
      'KD003',
      format('%s needs the role service_role, and %s does not have it', p_what,
        dbkit.caller_role()),
      jsonb_build_object('required_role', 'service_role', 'caller_role', dbkit.caller_role()),
      'Connect as a login that has been granted service_role, or SET ROLE service_role.');
  end if;
end
$$;
comment on function dbkit.require_service(text) is
  'Raises KD003 (forbidden) unless the caller has service_role or super_admin.';
grant execute on function dbkit.require_service(text)
to anon, authenticated, service_role, super_admin;
