create or replace function dbkit._raise_forbidden(p_what text, p_name text, p_required_role text)
returns void
language plpgsql
stable
as $$
begin
  perform dbkit.raise_error('KD003',
    format('the %s %s needs the role %s, and %s does not have it', p_what, p_name, p_required_role,
      dbkit.caller_role()),
    jsonb_build_object(p_what, p_name, 'required_role', p_required_role, 'caller_role', dbkit.caller_role()),
    'Sign in, or call as a role that has these rights.');
end
$$;
comment on function dbkit._raise_forbidden(text, text, text) is
  'Raises KD003 for a command or query whose required_role the caller does not have.';
grant execute on function dbkit._raise_forbidden(text, text, text)
to anon, authenticated, service_role, super_admin;
