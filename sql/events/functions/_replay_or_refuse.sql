-- Comes here when an append is not ordinary. A client that tries again after it lost the answer must
-- get that answer, whatever the stream did since; so ids are looked at before versions.
create or replace function dbkit._replay_or_refuse(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_events jsonb,
  p_expected_version bigint,
  p_moved int,
  p_inserted int
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_stream dbkit.event_streams;
  v_found bigint;
  v_same bigint;
  v_answer jsonb;
begin
  select * into v_stream
  from dbkit.event_streams s
  where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id;
  select count(s.event_id), count(*) filter (where s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id and s.event_type = e.event ->> 'event_type'
      and dbkit._unseal_event_data(s.organization_id, s.event_type, s.event_data) = e.event -> 'event_data'
      and s.metadata = coalesce(nullif(e.event -> 'metadata', 'null'), '{}')
      and s.version - e.nth = (
        select f.version - 1 from dbkit.event_store f
        where f.organization_id = p_organization_id
          and f.event_id = (p_events #>> '{0,event_id}')::uuid)),
    jsonb_build_object('first_version', min(s.version), 'last_version', max(s.version),
      'last_position', max(s.position), 'event_ids', jsonb_agg(s.event_id order by e.nth),
      'replayed', true)
  into v_found, v_same, v_answer
  from jsonb_array_elements(p_events) with ordinality as e (event, nth)
  join dbkit.event_store s
    on s.organization_id = p_organization_id and s.event_id = (e.event ->> 'event_id')::uuid;
  if p_inserted = 0 and v_same = jsonb_array_length(p_events) then
    update dbkit.event_streams s
    set version = s.version - p_moved, last_event_at = coalesce((
      select e.created_at from dbkit.event_store e
      where e.organization_id = p_organization_id and e.aggregate_type = p_aggregate_type
        and e.aggregate_id = p_aggregate_id and e.version = s.version - p_moved), s.last_event_at)
    where p_moved > 0 and s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id;
    return v_answer;
  elsif v_found > 0 or p_inserted > 0 then
    perform dbkit.raise_error('KD506', 'an event with this id is stored already, with another content or place',
      jsonb_build_object('event_ids', v_answer -> 'event_ids'),
      'Use a new UUID for a new event; to try again, send the same events to the same stream.');
  elsif v_stream.archived_at is not null then
    perform dbkit.raise_error('KD503', format('the stream %s/%s is archived', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id,
        'archived_at', v_stream.archived_at), 'restore_stream opens it again.');
  elsif v_stream.version is null then
    perform dbkit.raise_error('KD502', format('there is no stream %s/%s', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id,
        'expected_version', p_expected_version, 'actual_version', 0),
      'Expect version 0 to begin a stream.');
  end if;
  perform dbkit._raise_stream_conflict(p_aggregate_type, p_aggregate_id, p_expected_version, v_stream.version);
  return null;
end
$$;
comment on function dbkit._replay_or_refuse(text, text, text, jsonb, bigint, int, int) is
  'The first result of a batch that is stored already with the same ids, content and order, after taking
p_moved off the head again; else raises KD501, KD502, KD503 or KD506.';
