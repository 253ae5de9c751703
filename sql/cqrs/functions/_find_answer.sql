-- One statement, so one snapshot: the answer, and the newest event that it depends on. Events up to its
-- position were all committed when it was computed (see below), so none can come in below; with none
-- above, it is what would be computed now. Whether p_min_position has been reached is part of it too: an
-- event that is committed right after the statement would be reached and not in the answer.
-- A miss takes its position before anything is computed, and the checkpoints of projections too: the newest
-- event of a snapshot that is below all marks which were there after it. That is safe_position, in one
-- statement: a mark stands until after the commit, so of what the snapshot does not have yet, each event
-- either is above the lowest mark, or is seen by the handler. It is that of an event that is there: a number
-- that nobody has can later not be told from one not yet committed.
-- Locks: from a miss to the end of the transaction one of the organization, shared, for which
-- _forget_cached_answers waits; while somebody is forgotten, nothing is kept (revision NULL).
-- What callers share is computed here, by a handler that does not depend on their rights: so nobody can
-- put in an answer of their own making.
-- An answer from the future is from before the clock went back: nobody knows how old it is.
-- The plan is the same for all: to look for a better one took several times as long as the statement. And it
-- looks up one entry by its whole key: a plan made while the cache is empty would go through all of it later.
create or replace function dbkit._find_answer(
  p_query text,
  p_params jsonb,
  p_min_position bigint,
  out answer jsonb,
  out revision uuid,
  out params_hash bytea,
  out "position" bigint,
  out generations text,
  out started timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  v_organization_id constant text := dbkit._event_organization();
  v_role constant text := dbkit.caller_role();
  v_user_id constant text := coalesce(dbkit._event_actor(), '');
  v_found record;
  v_state record;
  v_computed record;
begin
  started := dbkit._event_time();
  select d.revision, d.vary, d.required_role, d.projections, c.data, c.position, c.computed_at,
    d.params_hash, c.generations, c.position is not null
    and coalesce((
      select max(n.position)
      from unnest(d.event_types) as t (event_type)
      cross join lateral (
        select e.position from dbkit.event_store e
        where e.organization_id = v_organization_id and e.event_type = t.event_type
        order by e.position desc limit 1
      ) as n), 0) <= c.position
    and (d.stream_type is null or coalesce((
      select e.position from dbkit.event_store e
      where e.organization_id = v_organization_id and e.aggregate_type = d.stream_type
        and e.aggregate_id = p_params ->> d.stream_param
      order by e.version desc limit 1), 0) <= c.position)
    and (p_min_position is null or p_min_position <= c.position
      or exists (select from dbkit.event_store e where e.position = p_min_position)) as is_valid
  into v_found
  from (
    select q.*, dbkit._answer_key(q.vary, p_params) as params_hash
    from dbkit.query_definitions q
    where q.query = p_query
    offset 0
  ) as d
  left join lateral (
    select *
    from dbkit.query_cache k
    where k.organization_id = v_organization_id and k.query = p_query and k.params_hash = d.params_hash
      and k.caller_role = case d.vary when 'organization' then '' else v_role end
      and k.user_id = case d.vary when 'user' then v_user_id else '' end
      and k.revision = d.revision and k.expires_at > _find_answer.started
      and k.computed_at <= _find_answer.started + interval '1 second'
    limit 1
  ) as c on true;
  if v_found.is_valid and (v_found.required_role is null or dbkit.caller_has_role(v_found.required_role))
    and (v_found.projections = '{}' or dbkit._projections_stand(v_organization_id, v_found.projections,
      v_found.generations, v_found.position))
  then
    if random() < 0.01 then
      perform dbkit._count_hits(p_query, v_found.vary, v_found.params_hash, v_role, v_user_id);
    end if;
    answer := jsonb_build_object('data', v_found.data, 'position', greatest(v_found.position, p_min_position),
      'cached', true, 'computed_at', v_found.computed_at);
    return;
  end if;
  params_hash := v_found.params_hash;
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    -- Raises: the handler would read an older snapshot than the marks are of.
    perform dbkit.safe_position();
  end if;
  select case when pg_try_advisory_xact_lock_shared(1684171379, hashtext(v_organization_id)) then v_found.revision end,
    coalesce((
      select e.position
      from dbkit.event_store e
      where e.position < coalesce((
        select min(((l.classid::bigint & 65535) << 32) | l.objid::bigint)
        from pg_locks l
        where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint >> 16 = 17474
          and l.database = (select o.oid from pg_database o where o.datname = current_database())),
        9223372036854775807)
      order by e.position desc limit 1), 0)
  into revision, position;
  if p_min_position is not null then
    perform dbkit._require_position(p_query, p_min_position, position);
  end if;
  if v_found.projections <> '{}' then
    v_state := dbkit._projection_state(v_found.projections);
    generations := v_state.generations;
    position := coalesce((
      select e.position from dbkit.event_store e
      where e.position <= least(_find_answer.position, v_state.position) order by e.position desc limit 1), 0);
  end if;
  if v_found.vary <> 'user' then
    v_computed := dbkit._dispatch_shared_query(p_query, p_params);
    if v_computed.revision = revision then
      perform dbkit._keep_answer(p_query, params_hash, v_found.vary, v_role, '', revision, v_computed.data, position,
        generations, started);
    end if;
    answer := jsonb_build_object('data', v_computed.data, 'position', greatest(position, p_min_position),
      'cached', false, 'computed_at', started);
  end if;
end
$$;
comment on function dbkit._find_answer(text, jsonb, bigint) is
  'The answer to a query, when it is cached or shared; else answer is NULL, and the rest is what the caller
needs to compute and keep it.';
grant execute on function dbkit._find_answer(text, jsonb, bigint)
to anon, authenticated, service_role, super_admin;
