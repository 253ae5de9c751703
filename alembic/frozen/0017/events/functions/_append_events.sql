-- All rows of a batch in one statement. append_event comes here when something is not ordinary, and says
-- by how much it has moved the head on already.
create or replace function dbkit._append_events(
  p_organization_id text,
  p_actor_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_events jsonb,
  p_expected_version bigint default null,
  p_moved int default 0
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_events int;
  v_has_ids boolean;
  v_stream dbkit.event_streams;
  v_new dbkit.event_store[];
  v_inserted int := 0;
begin
  perform dbkit._check_events(p_aggregate_type, p_aggregate_id, p_events, p_expected_version);
  v_events := jsonb_array_length(p_events);
  v_has_ids := p_events @? '$[*].event_id ? (@ != null)';
  if p_moved > 0 then
    update dbkit.event_streams s
    set version = s.version - p_moved
    where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id;
  end if;
  v_stream := dbkit._lock_stream(p_organization_id, p_aggregate_type, p_aggregate_id, p_expected_version,
    v_events, dbkit.clock());
  if v_stream.version is not null and v_stream.archived_at is null
    and not (v_has_ids and dbkit._is_time_partitioned() and dbkit._has_event_of(p_organization_id, p_events))
  then
    v_new := dbkit._new_events(v_stream, p_actor_id, p_events);
    -- Versions cannot meet, because the head is locked; ids that were given can, in another stream.
    -- Partitioned by time the table has no key that could tell.
    if v_has_ids and not dbkit._is_time_partitioned() then
      insert into dbkit.event_store select n.* from unnest(v_new) as n
      on conflict (organization_id, event_id) do nothing;
    else
      insert into dbkit.event_store select n.* from unnest(v_new) as n;
    end if;
    get diagnostics v_inserted = row_count;
  end if;
  if v_inserted < v_events then
    return dbkit._replay_or_refuse(p_organization_id, p_aggregate_type, p_aggregate_id, p_events,
      p_expected_version, case when v_stream.version is null then 0 else v_events end, v_inserted);
  end if;
  if v_stream.is_chained then
    update dbkit.event_streams s
    set last_hash = v_new[v_events].hash
    where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id;
  end if;
  perform dbkit._after_append(p_organization_id, p_aggregate_type, p_aggregate_id,
    case v_events when 1 then p_events #>> '{0,event_type}' end,
    v_stream.version - v_events + 1, v_stream.version);
  return jsonb_build_object('first_version', v_stream.version - v_events + 1,
    'last_version', v_stream.version, 'last_position', v_new[v_events].position,
    'event_ids', (select jsonb_agg(n.event_id) from unnest(v_new) as n), 'replayed', false);
end
$$;
comment on function dbkit._append_events(text, text, text, text, jsonb, bigint, int) is
  'What append_events does once organization and actor are known; for domains that know theirs.';
