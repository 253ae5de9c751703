create or replace function dbkit._projections_stand(
  p_organization_id text,
  p_projections text[],
  p_generations text,
  p_position bigint
)
returns boolean
language plpgsql
stable
as $$
declare
  v_state record := dbkit._projection_state(p_projections);
begin
  return p_generations is not distinct from v_state.generations
    and coalesce(dbkit._newest_of_types(p_organization_id, v_state.event_types), 0) <= p_position;
end
$$;
comment on function dbkit._projections_stand(text, text[], text, bigint) is
  'Whether what was read of projections at a position still holds: the same generations, no newer event.';
