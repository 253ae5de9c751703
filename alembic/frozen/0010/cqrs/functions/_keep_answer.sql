-- Nobody waits here: while an open transaction is keeping an answer, others compute their own and do not
-- keep it. (To wait for the first would be to wait for its commit, however much it does until then.)
-- A transaction that has appended events keeps none: its own events are after safe_position, so no one could
-- use it.
create or replace function dbkit._keep_answer(
  p_query text,
  p_params_hash bytea,
  p_vary text,
  p_caller_role text,
  p_user_id text,
  p_revision uuid,
  p_data jsonb,
  p_position bigint,
  p_generations text,
  p_started timestamptz
)
returns boolean
language plpgsql
volatile
as $$
declare
  v_organization_id constant text := dbkit._event_organization();
  v_kept boolean;
begin
  if current_setting('transaction_read_only')::boolean or current_setting('dbkit.event_mark', true) <> ''
    or pg_column_size(p_data) > 1048576
    or not pg_try_advisory_xact_lock(1684171377, hashtext(v_organization_id || p_query || p_user_id
        || encode(p_params_hash, 'hex')))
  then
    return false;
  end if;
  insert into dbkit.query_cache as c (organization_id, query, params_hash, caller_role, user_id, revision, data,
    position, generations, computed_at, expires_at, duration_ms, computations, hits)
  select v_organization_id, p_query, p_params_hash, case when p_vary = 'organization' then '' else p_caller_role end,
    p_user_id, p_revision, p_data, p_position, p_generations, p_started,
    p_started + make_interval(secs => d.ttl_seconds),
    greatest(0, 1000 * extract(epoch from dbkit._event_time() - p_started)), 1, 0
  from dbkit.query_definitions d
  where d.query = p_query and d.revision = p_revision and d.vary = p_vary and d.ttl_seconds > 0
  on conflict (organization_id, query, params_hash, caller_role, user_id) do update
  set revision = excluded.revision, data = excluded.data, position = excluded.position,
    generations = excluded.generations, computed_at = excluded.computed_at, expires_at = excluded.expires_at,
    duration_ms = excluded.duration_ms, computations = c.computations + 1
  where c.position <= excluded.position or c.revision <> excluded.revision
    or c.generations is distinct from excluded.generations;
  v_kept := found;
  if random() < 0.01 then
    perform dbkit._trim_query_cache(v_organization_id, p_query);
  end if;
  return v_kept;
end
$$;
comment on function dbkit._keep_answer(
  text, bytea, text, text, text, uuid, jsonb, bigint, text, timestamptz) is
  'Keeps an answer for those who ask next, and returns whether it did: not in a read-only transaction or one
that has appended events, not over 1 MB, and not what is older than what is there.';
