create or replace function dbkit._is_fold(p_snapshot dbkit.event_snapshots)
returns boolean
language plpgsql
stable
as $$
declare
  v_event dbkit.event_store;
begin
  select * into v_event
  from dbkit.event_store e
  where e.organization_id = p_snapshot.organization_id and e.aggregate_type = p_snapshot.aggregate_type
    and e.aggregate_id = p_snapshot.aggregate_id and e.version = p_snapshot.version;
  return found and v_event.position = p_snapshot.position
    and dbkit._aggregate_state(p_snapshot.organization_id, p_snapshot.aggregate_type,
      p_snapshot.aggregate_id, p_snapshot.version, null, false) -> 'state' = p_snapshot.state;
end
$$;
comment on function dbkit._is_fold(dbkit.event_snapshots) is
  'Whether folding the events up to a snapshot''s version gives its state.';
