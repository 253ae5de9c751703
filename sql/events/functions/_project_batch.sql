-- A batch that fails is halved until the event that fails is alone: whatever raises (reducer, key function,
-- upcaster), everything before it is kept. The caller holds the lock of the checkpoint's row.
create or replace function dbkit._project_batch(
  p_checkpoint dbkit.event_projection_checkpoints,
  p_up_to bigint,
  p_limit int
)
returns dbkit.event_projection_checkpoints
language plpgsql
volatile
as $$
declare
  v_positions bigint[];
  v_events int;
  v_done int := 0;
  v_failed int;
  v_try int;
  v_error text;
  v_last_error text;
  v_checkpoint dbkit.event_projection_checkpoints;
begin
  v_positions := array(
    select e.position
    from dbkit.event_store e
    where e.position > p_checkpoint.position and e.position <= p_up_to
      and ('*' = any (p_checkpoint.event_types) or e.event_type = any (p_checkpoint.event_types))
    order by e.position
    limit p_limit);
  v_events := cardinality(v_positions);
  v_try := case when v_positions[1] = p_checkpoint.failed_position then 1 else v_events end;
  while v_done < v_events and v_done + 1 is distinct from v_failed loop
    v_error := dbkit._project_range(p_checkpoint,
      case v_done when 0 then p_checkpoint.position else v_positions[v_done] end, v_positions[v_try]);
    if v_error is null then
      v_done := v_try;
    else
      v_failed := v_try;
      v_last_error := v_error;
    end if;
    v_try := coalesce((v_done + v_failed) / 2, v_events);
  end loop;
  update dbkit.event_projection_checkpoints c
  set position = greatest(c.position, case when v_failed is not null then v_positions[v_failed] - 1
      when v_events < p_limit then p_up_to else v_positions[v_events] end),
    events = c.events + v_done,
    failed_position = v_positions[v_failed],
    failures = case when v_failed is null then 0
      when c.failed_position = v_positions[v_failed] then c.failures + 1 else 1 end,
    last_error = v_last_error, updated_at = dbkit.clock()
  where c.projection = p_checkpoint.projection and c.generation = p_checkpoint.generation
    and c.position = p_checkpoint.position
  returning c.* into v_checkpoint;
  if not found then
    perform dbkit._raise_projection_busy(p_checkpoint.projection);
  end if;
  return v_checkpoint;
end
$$;
comment on function dbkit._project_batch(dbkit.event_projection_checkpoints, bigint, int) is
  'Folds at most p_limit events up to p_up_to into a generation and moves its checkpoint; the checkpoint as
it is then. Raises KD511 when the checkpoint is not where the caller read it.';
