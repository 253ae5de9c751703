-- Callers may execute it, since execute_command runs with their rights; the organization, the role and the
-- user are what the database knows of them, so they can say something untrue about their own command only.
-- Events are looked for only when the transaction has appended any: then its mark (_next_position) is set,
-- and none of its positions is below it.
create or replace function dbkit._log_command(
  p_command_id uuid,
  p_command text,
  p_key text,
  p_hash bytea,
  p_response jsonb,
  p_rejection jsonb,
  p_causation_id text,
  p_started timestamptz
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_mark text := current_setting('dbkit.event_mark', true);
  v_events int := 0;
  v_position bigint;
begin
  if p_rejection is null and v_mark ~ '^49[0-9]{17}$' then
    select count(*)::int, max(e.position)
    into v_events, v_position
    from dbkit.event_store e
    where e.organization_id = dbkit._event_organization() and e.correlation_id = dbkit._event_correlation()
      and e.position >= v_mark::bigint - 4918493743042002944 and e.causation_id = p_command_id::text;
  end if;
  insert into dbkit.command_log (organization_id, command_id, command, status, idempotency_key, request_hash,
    response, rejection, events, position, caller_role, user_id, client_id, correlation_id, causation_id,
    duration_ms, created_at)
  values (dbkit._event_organization(), p_command_id, p_command,
    case when p_rejection is null then 'done' else 'rejected' end, p_key, p_hash, p_response, p_rejection,
    v_events, v_position, dbkit.caller_role(), dbkit._event_actor(), dbkit.context_value('client_id'),
    dbkit._event_correlation(), p_causation_id,
    1000 * extract(epoch from clock_timestamp() - p_started), dbkit._event_time())
  on conflict do nothing;
  -- With the key held nobody can have been faster; an older snapshot only did not show it.
  if not found then
    raise exception using errcode = 'serialization_failure',
      message = 'the command was done by another transaction meanwhile',
      hint = 'Send it again: the same key gets the first answer.';
  end if;
  return v_position;
end
$$;
comment on function dbkit._log_command(uuid, text, text, bytea, jsonb, jsonb, text, timestamptz) is
  'Writes the log entry of a command and returns the position of its newest event; NULL without events.';
grant execute on function dbkit._log_command(uuid, text, text, bytea, jsonb, jsonb, text, timestamptz)
to anon, authenticated, service_role, super_admin;
