create or replace function dbkit._new_events(
  p_stream dbkit.event_streams,
  p_actor_id text,
  p_events jsonb
)
returns dbkit.event_store[]
language plpgsql
volatile
as $$
declare
  v_before bigint := p_stream.version - jsonb_array_length(p_events);
  v_first bigint := dbkit._next_position();
  v_correlation_id constant text := dbkit._event_correlation();
  v_causation_id constant text := dbkit._event_causation();
  v_new dbkit.event_store[];
  v_hash bytea := p_stream.last_hash;
begin
  v_new := array(
    select row(
      case when e.nth = 1 then v_first else nextval('dbkit.event_position_seq') end, v_before + e.nth,
      p_stream.last_event_at, coalesce(e.event_id, gen_random_uuid()),
      dbkit._event_schema_version(e.event_type, e.schema_version, e.event_data),
      p_stream.organization_id, p_stream.aggregate_type, p_stream.aggregate_id, e.event_type,
      dbkit._seal_event_data(p_stream.organization_id, p_stream.aggregate_type, p_stream.aggregate_id,
        e.event_type, e.event_data),
      coalesce(e.metadata, '{}'), v_correlation_id, v_causation_id, p_actor_id, null)::dbkit.event_store
    from rows from (jsonb_to_recordset(p_events) as (
      event_type text, event_data jsonb, metadata jsonb, event_id uuid, schema_version int))
    with ordinality as e (event_type, event_data, metadata, event_id, schema_version, nth)
    order by e.nth);
  if p_stream.is_chained then
    for i in 1 .. cardinality(v_new) loop
      v_hash := dbkit._event_hash(v_hash, v_new[i]);
      v_new[i].hash := v_hash;
    end loop;
  end if;
  return v_new;
end
$$;
comment on function dbkit._new_events(dbkit.event_streams, text, jsonb) is
  'The rows of a batch, with positions drawn and hashes linked; p_stream is the head after the batch.';
