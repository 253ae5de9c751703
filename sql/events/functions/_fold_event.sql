create or replace function dbkit._fold_event(p_state jsonb, p_start jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
stable
as $$
begin
  return dbkit._raise_no_applier(p_event.aggregate_type);
end
$$;
comment on function dbkit._fold_event(jsonb, jsonb, dbkit.event_store) is
  'Generated from event_aggregate_types by _generate_event_functions: the step of _fold_events. Brings a
stored event to its newest schema version and applies it to p_state, or to p_start when it is the first.';
