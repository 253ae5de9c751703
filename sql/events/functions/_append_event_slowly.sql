-- Most that comes here is a conflict, and whoever meets one tries again at once: so that is told first,
-- without another lock, where nothing else can be the matter.
create or replace function dbkit._append_event_slowly(
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_event_data jsonb,
  p_metadata jsonb,
  p_expected_version bigint,
  p_event_id uuid,
  p_schema_version int,
  p_has_moved boolean
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_version bigint;
  v_is_known boolean := false;
  v_answer jsonb;
begin
  if p_expected_version >= 0 and not p_has_moved then
    select s.version
    into v_version
    from dbkit.event_streams s
    where s.organization_id = dbkit._event_organization() and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id and s.version <> p_expected_version and s.archived_at is null
      and dbkit._may_write_stream(p_aggregate_type);
    -- A statement of its own: as part of the one above it has that planned anew each time.
    if v_version is not null and p_event_id is not null then
      v_is_known := exists (
        select from dbkit.event_store e
        where e.organization_id = dbkit._event_organization() and e.event_id = p_event_id);
    end if;
    if v_version is not null and not v_is_known then
      perform dbkit._raise_stream_conflict(p_aggregate_type, p_aggregate_id, p_expected_version, v_version);
    end if;
  end if;
  perform dbkit._require_stream_access(p_aggregate_type);
  if p_metadata is null then
    perform dbkit.raise_error('KD504', 'event 1 cannot be appended: metadata is missing', '{"field": "metadata"}',
      'Leave metadata out, or pass an object.');
  end if;
  v_answer := dbkit._append_events(dbkit.current_organization(), dbkit.context_value('user_id'),
    p_aggregate_type, p_aggregate_id,
    jsonb_build_array(jsonb_build_object('event_id', p_event_id, 'event_type', p_event_type,
      'event_data', p_event_data, 'metadata', p_metadata, 'schema_version', p_schema_version)),
    p_expected_version, p_has_moved::int);
  return jsonb_build_object('event_id', v_answer #> '{event_ids,0}', 'position', v_answer -> 'last_position',
    'version', v_answer -> 'last_version', 'replayed', v_answer -> 'replayed');
end
$$;
comment on function dbkit._append_event_slowly(
  text, text, text, jsonb, jsonb, bigint, uuid, int, boolean) is
  'append_event for all that its hot path leaves out: a new or chained stream, a replay, a refusal.';
