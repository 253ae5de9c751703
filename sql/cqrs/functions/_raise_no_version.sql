create or replace function dbkit._raise_no_version(p_command text)
returns void
language plpgsql
stable
as $$
begin
  perform dbkit.raise_error('KD602', format('%s takes no expected version', p_command),
    jsonb_build_object('command', p_command, 'field', 'expected_version'),
    'Leave it out; a handler with the arguments (jsonb, bigint) would get it.');
end
$$;
comment on function dbkit._raise_no_version(text) is
  'Raises KD602: an expected version that nobody checks would be worse than none.';
grant execute on function dbkit._raise_no_version(text)
to anon, authenticated, service_role, super_admin;
