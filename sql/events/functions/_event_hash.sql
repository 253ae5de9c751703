create or replace function dbkit._event_hash(p_previous bytea, p_event dbkit.event_store)
returns bytea
language plpgsql
immutable
as $$
begin
  return sha256(coalesce(p_previous, '') || convert_to(jsonb_build_array(
    p_event.position, p_event.version, extract(epoch from p_event.created_at), p_event.event_id,
    p_event.schema_version, p_event.organization_id, p_event.aggregate_type, p_event.aggregate_id,
    p_event.event_type, p_event.event_data, p_event.metadata, p_event.correlation_id,
    p_event.causation_id, p_event.actor_id)::text, 'UTF8'));
end
$$;
comment on function dbkit._event_hash(bytea, dbkit.event_store) is
  'sha256 of the hash of the event before and of every column of this one, as a JSON array in UTF-8.';
