-- One pass in the order of keys, so memory holds one state whatever the number of events. STABLE, and
-- so are reducers: all is read as of the statement that calls it.
create or replace function dbkit._project_events(
  p_checkpoint dbkit.event_projection_checkpoints,
  p_base_generation int,
  p_after_position bigint,
  p_up_to bigint
)
returns table (organization_id text, key text, state jsonb, last_position bigint)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_row record;
  v_event dbkit.event_store;
begin
  for v_row in
    select e.organization_id as organization, k.key as row_key, r.state as row_state, e.event
    from (
      select s.organization_id, s.position, row(s.*)::dbkit.event_store as event
      from dbkit.events s
      where s.position > p_after_position and s.position <= p_up_to
        and ('*' = any (p_checkpoint.event_types) or s.event_type = any (p_checkpoint.event_types))
      offset 0
    ) e
    cross join lateral (
      select case when p_checkpoint.key_signature is null then (e.event).aggregate_id
        else dbkit._projection_key(p_checkpoint.key_signature, e.event) end as key
      offset 0
    ) k
    left join dbkit.event_projections r
      on r.organization_id = e.organization_id and r.projection = p_checkpoint.projection
      and r.generation = p_base_generation and r.key = k.key
    where k.key is not null
    order by e.organization_id, k.key collate "C", e.position
  loop
    v_event := v_row.event;
    if last_position is null or organization_id <> v_row.organization or key <> v_row.row_key then
      if last_position is not null then
        return next;
      end if;
      organization_id := v_row.organization;
      key := v_row.row_key;
      state := v_row.row_state;
    end if;
    state := dbkit._projection_reduce(p_checkpoint.reducer_signature, state, v_event);
    last_position := v_event.position;
  end loop;
  if last_position is not null then
    return next;
  end if;
end
$$;
comment on function dbkit._project_events(dbkit.event_projection_checkpoints, int, bigint, bigint) is
  'The rows that the events in a range of positions give, state NULL for none: folded on to the rows of
p_base_generation, or from nothing where that is NULL.';
