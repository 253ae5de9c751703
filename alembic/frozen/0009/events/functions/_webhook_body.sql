-- json and not jsonb, so that type comes first, as in the specification. The row is one of the view
-- events: data as it reads today.
create or replace function dbkit._webhook_body(p_event dbkit.event_store)
returns text
language sql
stable
as $$
select json_build_object(
  'type', p_event.event_type,
  'timestamp', to_char(p_event.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'data', p_event.event_data,
  'event', json_build_object(
    'organization_id', p_event.organization_id, 'aggregate_type', p_event.aggregate_type,
    'aggregate_id', p_event.aggregate_id, 'version', p_event.version, 'position', p_event.position,
    'event_id', p_event.event_id, 'schema_version', p_event.schema_version,
    'correlation_id', p_event.correlation_id, 'causation_id', p_event.causation_id,
    'metadata', p_event.metadata))::text
$$;
comment on function dbkit._webhook_body(dbkit.event_store) is
  'The bytes that are sent for an event: JSON with type, timestamp and data as Standard Webhooks has them,
and event, which says where it belongs.';
