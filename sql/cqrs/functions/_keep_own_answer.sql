-- Callers may execute it, since their handler runs with their rights. So it keeps only what nobody but the
-- caller is given: the role is the database's, and a user without a name keeps nothing. Whatever is said of
-- the start, nothing is kept longer than its time to live.
create or replace function dbkit._keep_own_answer(
  p_query text,
  p_params_hash bytea,
  p_revision uuid,
  p_data jsonb,
  p_position bigint,
  p_generations text,
  p_started timestamptz
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_user_id constant text := coalesce(dbkit._event_actor(), '');
begin
  return (v_user_id <> '' or dbkit.caller_has_role('service_role')) and length(p_params_hash) = 32
    and dbkit._keep_answer(p_query, p_params_hash, 'user', dbkit.caller_role(), v_user_id, p_revision, p_data,
      p_position, p_generations, least(p_started, dbkit._event_time()));
end
$$;
comment on function dbkit._keep_own_answer(text, bytea, uuid, jsonb, bigint, text, timestamptz) is
  'Keeps an answer that its caller computed, for that caller; returns whether it was kept.';
grant execute on function dbkit._keep_own_answer(text, bytea, uuid, jsonb, bigint, text, timestamptz)
to anon, authenticated, service_role, super_admin;
