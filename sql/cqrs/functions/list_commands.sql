create or replace function dbkit.list_commands()
returns table (
  command text,
  handler_signature text,
  required_role text,
  rejections text[],
  payload_schema jsonb,
  description text,
  registered_at timestamptz,
  registered_by text
)
language plpgsql
stable
as $$
begin
  return query
  select d.command, d.handler_signature, d.required_role, d.rejections, d.payload_schema, d.description,
    d.registered_at, d.registered_by
  from dbkit.command_definitions d
  order by d.command;
end
$$;
comment on function dbkit.list_commands() is
  'The registered commands. handler_signature is NULL where a program handles the command, required_role where
any role may send it.
Nullable: handler_signature, required_role.';
grant execute on function dbkit.list_commands() to anon, authenticated, service_role, super_admin;
