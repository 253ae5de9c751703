create or replace function dbkit._projection_reduce(p_reducer text, p_state jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
stable
as $$
begin
  perform dbkit._raise_not_generated(p_reducer, p_event);
  return p_state;
end
$$;
comment on function dbkit._projection_reduce(text, jsonb, dbkit.event_store) is
  'Generated from event_projection_checkpoints by _generate_projections: the state that the reducer of that
signature gives.';
