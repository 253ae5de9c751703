create or replace function dbkit._raise_unknown_command(p_command text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD601', format('there is no command %s', left(p_command, 100)),
    jsonb_build_object('command', left(p_command, 100)),
    'select command from dbkit.list_commands() lists them; one that was registered just now: send it again.');
end
$$;
comment on function dbkit._raise_unknown_command(text) is 'Raises KD601.';
grant execute on function dbkit._raise_unknown_command(text)
to anon, authenticated, service_role, super_admin;
