-- Locks: one for the key, until the transaction ends. Whoever comes second waits here for the first and then,
-- with a snapshot of its own, sees the answer; after a rollback it finds nothing and is the first. Two
-- numbers, as _hold_subject: the marks of _next_position have one.
create or replace function dbkit._claim_command(p_command text, p_key text, p_hash bytea)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_user_id text := dbkit.context_value('user_id');
  v_client_id text := dbkit.context_value('client_id');
  v_seen dbkit.command_log;
begin
  if length(p_key) not between 1 and 200 then
    perform dbkit.raise_error('KD602', 'the idempotency key must have 1 to 200 characters',
      '{"field": "idempotency_key"}', 'Send a UUID, for example, that is new for each new command.');
  elsif coalesce(v_user_id, v_client_id) is null and not dbkit.caller_has_role('service_role') then
    -- All unnamed callers would share their keys, and one could read the answer to another.
    perform dbkit.raise_error('KD602', 'an idempotency key needs a user_id or client_id beside it',
      '{"field": "idempotency_key"}', 'Set one in the request context, or leave the key out.');
  end if;
  perform pg_advisory_xact_lock(1684171363, hashtext(v_organization_id || ' ' || p_key));
  select * into v_seen
  from dbkit.command_log l
  where l.organization_id = v_organization_id and l.idempotency_key = p_key;
  if not found then
    return null;
  elsif v_seen.command <> p_command or v_seen.request_hash <> p_hash or v_seen.caller_role <> dbkit.caller_role()
    or v_seen.user_id is distinct from v_user_id
    or v_user_id is null and v_seen.client_id is distinct from v_client_id
  then
    perform dbkit.raise_error('KD603', 'this idempotency key was used for another command, payload or caller',
      jsonb_build_object('idempotency_key', p_key, 'first_used_at', v_seen.created_at),
      'Use a new key for a new command; repeat a command with the very same payload.');
  end if;
  return jsonb_build_object('command_id', v_seen.command_id, 'status', v_seen.status, 'response', v_seen.response,
    'rejection', v_seen.rejection, 'position', v_seen.position, 'replayed', true);
end
$$;
comment on function dbkit._claim_command(text, text, bytea) is
  'The answer to a key that was used before; NULL when the command is still to be done. Holds the key until
the transaction ends. Raises KD602, KD603.';
grant execute on function dbkit._claim_command(text, text, bytea)
to anon, authenticated, service_role, super_admin;
