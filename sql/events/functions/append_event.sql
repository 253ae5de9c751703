-- The hot path. What an append costs is mostly making its expressions ready, anew in each transaction: 3,000
-- instructions for each function or operator in them, also one that is not reached, 6,000 more for each
-- expression of PL/pgSQL itself (docs/adr/0009). So what can be is part of the two statements, in the
-- fewest calls that do, also the checks: what fails one of them, or is not ordinary, finds no row and goes
-- to _append_event_slowly, which can do and tell everything. SECURITY DEFINER, because nobody may write
-- events; the organization comes from the context, as for every other call. ON CONFLICT is for an id that is
-- there already: it loses nothing, because what was not inserted goes the slow way too. It is an INSERT of
-- its own, because looking costs 24,000 instructions, and 65,000 where no key is named. Partitioned by time
-- the table has no such key; there an id goes the slow way, and this statement is never planned.
create or replace function dbkit.append_event(
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_event_data jsonb,
  p_metadata jsonb default '{}',
  p_expected_version bigint default null,
  p_event_id uuid default null,
  p_schema_version int default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_version bigint;
  v_at timestamptz;
  v_organization_id text;
  v_is_request boolean;
  v_answer jsonb;
begin
  update dbkit.event_streams s
  set version = s.version + 1, last_event_at = greatest(dbkit._event_time(), s.last_event_at)
  where s.organization_id = dbkit._event_organization() and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id and s.archived_at is null and not s.is_chained
    and s.version = coalesce(nullif(p_expected_version, -1), s.version)
    and dbkit._may_write_stream(p_aggregate_type)
    and (p_event_id is null or not dbkit._is_time_partitioned())
    and p_event_type <> '' and octet_length(p_event_type) <= 100
    and p_event_data @> '{}' and p_metadata @> '{}'
    and greatest(pg_column_size(p_event_data), pg_column_size(p_metadata)) <= 65536
    and coalesce(p_schema_version, 1) between 1 and 10000
  returning s.version, s.last_event_at, s.organization_id, dbkit._is_request()
  into v_version, v_at, v_organization_id, v_is_request;
  if v_version is null then
    return dbkit._append_event_slowly(p_aggregate_type, p_aggregate_id, p_event_type, p_event_data,
      p_metadata, p_expected_version, p_event_id, p_schema_version, false);
  end if;
  if p_event_id is null then
    insert into dbkit.event_store as e (position, version, created_at, event_id, schema_version,
      organization_id, aggregate_type, aggregate_id, event_type, event_data, metadata, correlation_id,
      causation_id, actor_id)
    values (dbkit._next_position(), v_version, v_at, gen_random_uuid(),
      dbkit._event_schema_version(p_event_type, p_schema_version, p_event_data), v_organization_id,
      p_aggregate_type, p_aggregate_id, p_event_type,
      dbkit._seal_event_data(v_organization_id, p_aggregate_type, p_aggregate_id, p_event_type, p_event_data),
      p_metadata, dbkit._context_correlation(v_is_request), dbkit._context_causation(v_is_request),
      dbkit._context_actor(v_is_request))
    returning jsonb_build_object('event_id', e.event_id, 'position', e.position, 'version', e.version,
      'replayed', false)
    into v_answer;
  else
    insert into dbkit.event_store as e (position, version, created_at, event_id, schema_version,
      organization_id, aggregate_type, aggregate_id, event_type, event_data, metadata, correlation_id,
      causation_id, actor_id)
    values (dbkit._next_position(), v_version, v_at, p_event_id,
      dbkit._event_schema_version(p_event_type, p_schema_version, p_event_data), v_organization_id,
      p_aggregate_type, p_aggregate_id, p_event_type,
      dbkit._seal_event_data(v_organization_id, p_aggregate_type, p_aggregate_id, p_event_type, p_event_data),
      p_metadata, dbkit._context_correlation(v_is_request), dbkit._context_causation(v_is_request),
      dbkit._context_actor(v_is_request))
    on conflict (organization_id, event_id) do nothing
    returning jsonb_build_object('event_id', e.event_id, 'position', e.position, 'version', e.version,
      'replayed', false)
    into v_answer;
  end if;
  if v_answer is null or dbkit._after_append(v_organization_id, p_aggregate_type, p_aggregate_id,
    p_event_type, v_version, v_version)
  then
    v_answer := coalesce(v_answer, dbkit._append_event_slowly(p_aggregate_type, p_aggregate_id, p_event_type,
      p_event_data, p_metadata, p_expected_version, p_event_id, p_schema_version, true));
  end if;
  return v_answer;
end
$$;
comment on function dbkit.append_event(text, text, text, jsonb, jsonb, bigint, uuid, int) is
  'Appends one event to a stream of the caller''s organization, in the caller''s transaction.
p_expected_version: NULL any, 0 the stream must be new, -1 it must exist, N its newest event must be N.
p_event_id: give one to be able to try again; the same id with the same content appends nothing and
returns the first result with replayed true, with another content it raises KD506. p_schema_version: of
the event''s data, NULL the newest registered (register_event_type) or 1. Sizes: type 1 to 100
characters, aggregate_id 200, data 1 MB, metadata 64 kB. correlation_id, causation_id and actor (user_id)
come from the request context. created_at is the clock, or the time of the event before if that is later.
Returns {event_id uuid, position bigint, version bigint, replayed boolean}.
Raises KD003 (streams of this type are for the service), KD501 (conflict, with the actual version), KD502 (no such stream), KD503 (archived), KD504
(malformed), KD505 (breaks its JSON Schema), KD506.';
grant execute on function dbkit.append_event(text, text, text, jsonb, jsonb, bigint, uuid, int)
to authenticated, service_role, super_admin;
