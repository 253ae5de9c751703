-- The hot path. PL/pgSQL readies each of its expressions anew in each transaction (about 1 µs), so what
-- can be is part of the two statements, also the checks: what fails one of them finds no row and goes to
-- _append_event_slowly, which can do and tell everything. SECURITY DEFINER, because nobody may write
-- events; the organization comes from the context, as for every other call. ON CONFLICT is for the same
-- id in two streams at once: it loses nothing, because what was not inserted goes the slow way too.
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
  v_position bigint;
  v_event_id uuid;
begin
  update dbkit.event_streams s
  set version = s.version + 1, last_event_at = greatest(dbkit._event_time(), s.last_event_at)
  where s.organization_id = dbkit._event_organization() and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id and s.archived_at is null and not s.is_chained
    and s.version = case when p_expected_version >= 0 then p_expected_version
      when coalesce(p_expected_version, -1) = -1 then s.version end
    and (p_aggregate_type <> all (dbkit._service_aggregate_types()) or dbkit.caller_has_role('service_role'))
    and (p_event_id is null or not dbkit._is_time_partitioned())
    and length(p_event_type) between 1 and 100
    and jsonb_typeof(p_event_data) = 'object' and jsonb_typeof(p_metadata) = 'object'
    and coalesce(p_schema_version, 1) between 1 and 10000
    and pg_column_size(p_event_data) <= 1048576 and pg_column_size(p_metadata) <= 65536
  returning s.version, s.last_event_at into v_version, v_at;
  if v_version is not null then
    insert into dbkit.event_store (position, version, created_at, event_id, schema_version, organization_id,
      aggregate_type, aggregate_id, event_type, event_data, metadata, correlation_id, causation_id, actor_id)
    values (dbkit._next_position(), v_version, v_at, coalesce(p_event_id, gen_random_uuid()),
      dbkit._event_schema_version(p_event_type, p_schema_version, p_event_data), dbkit._event_organization(),
      p_aggregate_type, p_aggregate_id, p_event_type,
      dbkit._seal_event_data(dbkit._event_organization(), p_aggregate_type, p_aggregate_id, p_event_type,
        p_event_data),
      p_metadata, dbkit._event_correlation(),
      dbkit._event_causation(), dbkit._event_actor())
    on conflict do nothing
    returning position, event_id into v_position, v_event_id;
  end if;
  if v_position is null then
    return dbkit._append_event_slowly(p_aggregate_type, p_aggregate_id, p_event_type, p_event_data,
      p_metadata, p_expected_version, p_event_id, p_schema_version, v_version is not null);
  elsif dbkit._after_append(dbkit._event_organization(), p_aggregate_type, p_aggregate_id, p_event_type,
    v_version, v_version)
  then
    null;
  end if;
  return jsonb_build_object('event_id', v_event_id, 'position', v_position, 'version', v_version,
    'replayed', false);
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
