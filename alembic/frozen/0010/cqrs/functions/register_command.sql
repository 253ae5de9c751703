create or replace function dbkit.register_command(
  p_command text,
  p_handler text default null,
  p_payload_schema jsonb default '{"type": "object"}',
  p_required_role text default 'authenticated',
  p_rejections text[] default '{}',
  p_description text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a command');
  perform dbkit._register_command(p_command, p_handler, p_payload_schema, p_required_role, p_rejections,
    p_description);
end
$$;
comment on function dbkit.register_command(text, text, jsonb, text, text[], text) is
  'Registers a command, or changes it; it can be executed from the commit on.
p_handler: schema.function, which takes (p_payload jsonb) or (p_payload jsonb, p_expected_version bigint),
returns jsonb and runs with the caller''s rights; NULL: a program handles it, between begin_command and
finish_command (CommandBus does that).
p_payload_schema: JSON Schema of the payload (see validate_json), at least {"type": "object"}.
p_required_role: role whose rights the caller needs; NULL: any, also anon. p_rejections: SQLSTATEs of the
handler''s errors that are recorded as a rejection, as KD605 is; every other error undoes the command.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED), KD604.
Nullable: p_required_role.';
grant execute on function dbkit.register_command(text, text, jsonb, text, text[], text) to super_admin;
