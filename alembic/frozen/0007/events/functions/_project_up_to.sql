create or replace function dbkit._project_up_to(
  p_checkpoint dbkit.event_projection_checkpoints,
  p_up_to bigint
)
returns dbkit.event_projection_checkpoints
language plpgsql
volatile
as $$
declare
  v_checkpoint dbkit.event_projection_checkpoints := p_checkpoint;
begin
  while v_checkpoint.position < p_up_to loop
    v_checkpoint := dbkit._project_batch(v_checkpoint, p_up_to, 10000);
    exit when v_checkpoint.failed_position is not null;
  end loop;
  return v_checkpoint;
end
$$;
comment on function dbkit._project_up_to(dbkit.event_projection_checkpoints, bigint) is
  'Folds all events up to a position into a generation, or up to the first that fails.';
