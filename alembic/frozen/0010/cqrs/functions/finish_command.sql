-- A setting can be written by anybody, so what is said there is checked as far as it can do harm: the
-- command must be one that programs handle, and that the caller may send.
create or replace function dbkit.finish_command(
  p_command_id uuid,
  p_response jsonb default null,
  p_rejection jsonb default null
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_begun jsonb := nullif(current_setting('dbkit.command', true), '')::jsonb;
  v_rejection jsonb := nullif(p_rejection, 'null');
  v_position bigint;
begin
  if v_begun ->> 'command_id' is distinct from p_command_id::text or not exists (
    select from dbkit.command_definitions d
    where d.command = v_begun ->> 'command' and d.handler_signature is null
      and (d.required_role is null or dbkit.caller_has_role(d.required_role))
  ) then
    perform dbkit.raise_error('KD610', format('this transaction has not begun the command %s', p_command_id),
      jsonb_build_object('command_id', p_command_id),
      'begin_command and finish_command belong in one transaction, the inner command ended before the outer.');
  end if;
  if v_rejection is not null then
    v_rejection := jsonb_build_object('sqlstate', coalesce(v_rejection ->> 'sqlstate', 'KD605'),
      'message', left(coalesce(v_rejection ->> 'message', 'rejected'), 2000), 'detail', v_rejection -> 'detail',
      'hint', v_rejection ->> 'hint');
  end if;
  v_position := dbkit._log_command(p_command_id, v_begun ->> 'command', v_begun ->> 'key',
    decode(v_begun ->> 'hash', 'hex'), case when v_rejection is null then p_response end, v_rejection,
    nullif(v_begun ->> 'causation_id', ''), (v_begun ->> 'started')::timestamptz);
  perform set_config('dbkit.causation_id', coalesce(v_begun ->> 'causation_id', ''), true),
    set_config('dbkit.correlation_id', coalesce(v_begun ->> 'correlation_id', ''), true),
    set_config('dbkit.command', coalesce(v_begun ->> 'around', ''), true);
  return jsonb_build_object('command_id', p_command_id, 'status',
    case when v_rejection is null then 'done' else 'rejected' end,
    'response', case when v_rejection is null then p_response end, 'rejection', v_rejection,
    'position', v_position, 'replayed', false);
end
$$;
comment on function dbkit.finish_command(uuid, jsonb, jsonb) is
  'Ends a command that begin_command began in this transaction, and logs it.
p_response: what the command answers. p_rejection: {message, sqlstate?, detail?, hint?} when a rule refused
it; undo first what was done since begin_command, with a savepoint.
Returns {command_id uuid, status text, response json?, rejection {sqlstate text, message text, detail json?, hint text?}?, position bigint?, replayed boolean}.
Raises KD610.';
grant execute on function dbkit.finish_command(uuid, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
