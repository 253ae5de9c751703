-- Key, handler, events and log are one transaction, the caller's. The handler runs once, with the caller's
-- own rights; what it rejects is undone to the savepoint around it (in the generated _dispatch_command),
-- every other error undoes all, so the key is free again. The context is put back for what comes after.
-- Conditions do what could be statements: PL/pgSQL evaluates those without a plan of their own to run.
create or replace function dbkit.execute_command(
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
  v_started constant timestamptz := clock_timestamp();
  v_payload constant jsonb := coalesce(p_payload, '{}');
  v_id constant uuid := dbkit._new_command_id();
  v_causation constant text := coalesce(current_setting('dbkit.causation_id', true), '');
  v_correlation constant text := coalesce(current_setting('dbkit.correlation_id', true), '');
  v_hash bytea;
  v_seen jsonb;
  v_done record;
  v_position bigint;
begin
  if p_idempotency_key is not null then
    v_hash := dbkit._command_hash(p_command, v_payload, p_expected_version);
    v_seen := dbkit._claim_command(p_command, p_idempotency_key, v_hash);
    if v_seen is not null then
      return v_seen;
    end if;
  end if;
  if set_config('dbkit.correlation_id', coalesce(dbkit._event_correlation(), v_id::text), true) is not null
    and set_config('dbkit.causation_id', v_id::text, true) is not null
  then
    v_done := dbkit._dispatch_command(p_command, v_payload, p_expected_version);
  end if;
  if v_done.is_external then
    perform dbkit.raise_error('KD601', format('a program handles the command %s', p_command),
      jsonb_build_object('command', p_command), 'Send it to that program: begin_command and finish_command.');
  end if;
  v_position := dbkit._log_command(v_id, p_command, p_idempotency_key, v_hash, v_done.response, v_done.rejection,
    nullif(v_causation, ''), v_started);
  if set_config('dbkit.causation_id', v_causation, true) is not null
    and set_config('dbkit.correlation_id', v_correlation, true) is not null
  then
    return jsonb_build_object('command_id', v_id, 'status',
      case when v_done.rejection is null then 'done' else 'rejected' end, 'response', v_done.response,
      'rejection', v_done.rejection, 'position', v_position, 'replayed', false);
  end if;
  return null;
end
$$;
comment on function dbkit.execute_command(text, jsonb, text, bigint) is
  'Executes a registered command in the caller''s transaction: its handler, the events that it appends and the
entry in command_log are committed together or not at all.
p_idempotency_key (1 to 200 characters, of the caller''s organization): a command with a key is done once. The
same key, command, payload and caller gets the first answer with replayed true; calls at the same time
wait for the first. Needs a user_id or client_id in the request context, except from service_role. After an
error, or a rollback, the key is free again.
p_expected_version: goes to handlers that take it.
status is done, or rejected when the handler refused with KD605 or an error that the command names as a
rejection: then all that the handler did is undone, and the refusal is an answer like any other, to be
committed and repeated.
Events of the handler have command_id as causation_id, and as correlation_id when the context has none.
position: of the newest of them; pass it to execute_query as p_min_position.
Returns {command_id uuid, status text, response json?, rejection {sqlstate text, message text, detail json?, hint text?}?, position bigint?, replayed boolean}.
Raises KD003, KD601, KD602 (breaks the schema, or a bad key), KD603 (the key was used for something else),
and whatever the handler raises.';
grant execute on function dbkit.execute_command(text, jsonb, text, bigint)
to anon, authenticated, service_role, super_admin;
