create or replace function dbkit.get_commands(
  p_command text default null,
  p_status text default null,
  p_organization_id text default null,
  p_before uuid default null,
  p_limit int default 100
)
returns table (
  organization_id text,
  command_id uuid,
  command text,
  status text,
  idempotency_key text,
  response jsonb,
  rejection jsonb,
  events int,
  "position" bigint,
  caller_role text,
  user_id text,
  client_id text,
  correlation_id text,
  causation_id text,
  duration_ms double precision,
  created_at timestamptz
)
language plpgsql
stable
as $$
begin
  perform dbkit.require_service('reading the command log');
  perform dbkit._check_page(p_limit);
  return query
  select l.organization_id, l.command_id, l.command, l.status, l.idempotency_key, l.response, l.rejection,
    l.events, l.position, l.caller_role, l.user_id, l.client_id, l.correlation_id, l.causation_id, l.duration_ms,
    l.created_at
  from dbkit.command_log l
  where l.organization_id = coalesce(p_organization_id, dbkit.current_organization())
    and (p_before is null or l.command_id < p_before)
    and (p_command is null or l.command = p_command)
    and (p_status is null or l.status = p_status)
  order by l.command_id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_commands(text, text, text, uuid, int) is
  'The log of commands of one organization (NULL: the context''s), the newest first, at most p_limit (1 to
10000). Go on with p_before := the last command_id. p_status: done or rejected. duration_ms in milliseconds.
Needs service_role. Raises KD003, KD004.
Nullable: idempotency_key, response, rejection, position, user_id, client_id, correlation_id, causation_id.';
grant execute on function dbkit.get_commands(text, text, text, uuid, int) to service_role, super_admin;
