create or replace function dbkit._raise_invalid_command(p_command text, p_payload jsonb)
returns void
language plpgsql
stable
as $$
begin
  perform dbkit._raise_invalid_input('KD602', 'command', p_command, 'payload', p_payload, 1048576,
    (select d.payload_schema from dbkit.command_definitions d where d.command = p_command));
end
$$;
comment on function dbkit._raise_invalid_command(text, jsonb) is
  'Raises KD602 with each field (JSON Pointer) that breaks the command''s schema, 20 at most.';
grant execute on function dbkit._raise_invalid_command(text, jsonb)
to anon, authenticated, service_role, super_admin;
