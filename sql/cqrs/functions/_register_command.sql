create or replace function dbkit._register_command(
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
as $$
declare
  v_schema jsonb := coalesce(p_payload_schema, '{"type": "object"}');
  v_rejections text[] := array(select distinct r from unnest(p_rejections) as r order by r);
  v_signature text;
begin
  perform dbkit._lock_registry();
  v_signature := dbkit._check_handler('KD604', 'command', p_command, p_handler, v_schema, p_required_role, false);
  -- A rejection is committed: what only means "try again" must not become one, nor 00000, which is no error.
  if exists (
    select from unnest(v_rejections) as r
    where r is null or r !~ '^[0-9A-Z]{5}$' or r in ('40001', '40P01') or left(r, 2) in ('00', '57', '53', '58')
  ) then
    perform dbkit.raise_error('KD604', format('the command %s cannot be registered: %s are no rejections',
        p_command, v_rejections), jsonb_build_object('command', p_command, 'rejections', v_rejections),
      'Name SQLSTATEs that the handler raises because of a rule, such as 23514 or your own.');
  end if;
  insert into dbkit.command_definitions (command, handler_signature, payload_schema, required_role, rejections,
    description, registered_at, registered_by)
  values (p_command, v_signature, v_schema, p_required_role, v_rejections, coalesce(p_description, ''),
    dbkit.clock(), dbkit.caller_role())
  on conflict (command) do update
  set handler_signature = excluded.handler_signature, payload_schema = excluded.payload_schema,
    required_role = excluded.required_role, rejections = excluded.rejections,
    description = excluded.description, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by;
  perform dbkit._generate_commands();
end
$$;
comment on function dbkit._register_command(text, text, jsonb, text, text[], text) is
  'What register_command does after it checked the caller; migrations call it for shipped commands.';
