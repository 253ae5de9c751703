-- What finish_command has to know waits in a setting of the transaction: were it a row, a program that
-- commits without finishing would leave it there for ever. Commands nest, so it holds the one around it too.
create or replace function dbkit.begin_command(
  p_command text,
  p_payload jsonb default '{}',
  p_idempotency_key text default null,
  p_expected_version bigint default null
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_payload constant jsonb := coalesce(p_payload, '{}');
  v_id constant uuid := dbkit._new_command_id();
  v_hash bytea;
  v_seen jsonb;
begin
  if p_idempotency_key is not null then
    v_hash := dbkit._command_hash(p_command, v_payload, p_expected_version);
    v_seen := dbkit._claim_command(p_command, p_idempotency_key, v_hash);
    if v_seen is not null then
      return v_seen;
    end if;
  end if;
  if not exists (
    select from dbkit.command_definitions d where d.command = p_command and d.handler_signature is null
  ) then
    perform dbkit.raise_error('KD601', format('no program handles a command %s', left(p_command, 100)),
      jsonb_build_object('command', left(p_command, 100)),
      'Register it without a handler; one that has a handler is done by execute_command.');
  end if;
  perform dbkit._dispatch_command(p_command, v_payload, p_expected_version);
  perform set_config('dbkit.command', jsonb_build_object('command_id', v_id, 'command', p_command,
      'key', p_idempotency_key, 'hash', encode(v_hash, 'hex'), 'started', clock_timestamp(),
      'causation_id', current_setting('dbkit.causation_id', true),
      'correlation_id', current_setting('dbkit.correlation_id', true),
      'around', nullif(current_setting('dbkit.command', true), ''))::text, true);
  perform set_config('dbkit.correlation_id', coalesce(dbkit._event_correlation(), v_id::text), true),
    set_config('dbkit.causation_id', v_id::text, true);
  return jsonb_build_object('command_id', v_id, 'status', null, 'response', null, 'rejection', null,
    'position', null, 'replayed', false);
end
$$;
comment on function dbkit.begin_command(text, jsonb, text, bigint) is
  'Begins a command that a program handles (CommandBus does this): checks role and payload and claims the
key as execute_command does. With replayed true it was done before, and this is the answer; else do it, and end
with finish_command in the same transaction. Events appended in between have command_id as causation_id.
Without finish_command nothing is logged, and the key is free after the commit.
Returns {command_id uuid, status text?, response json?, rejection {sqlstate text, message text, detail json?, hint text?}?, position bigint?, replayed boolean}.
Raises KD003, KD601, KD602, KD603.';
grant execute on function dbkit.begin_command(text, jsonb, text, bigint)
to anon, authenticated, service_role, super_admin;
