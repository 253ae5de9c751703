-- Locks, in this order, as everywhere here: registry (held by the caller), definition, checkpoint (held by
-- the caller), event_streams.
create or replace function dbkit._go_live(p_checkpoint dbkit.event_projection_checkpoints)
returns dbkit.event_projection_checkpoints
language plpgsql
volatile
as $$
declare
  v_checkpoint dbkit.event_projection_checkpoints := p_checkpoint;
begin
  if not dbkit._lock_appends() then
    return v_checkpoint;
  end if;
  v_checkpoint := dbkit._project_up_to(v_checkpoint,
    coalesce(pg_sequence_last_value('dbkit.event_position_seq'), 0));
  if v_checkpoint.failed_position is null then
    update dbkit.event_projection_definitions d
    set is_live = true
    where d.projection = v_checkpoint.projection;
    perform dbkit._generate_event_functions();
  end if;
  return v_checkpoint;
end
$$;
comment on function dbkit._go_live(dbkit.event_projection_checkpoints) is
  'The last step of an inline projection: keeps appends out, folds the rest, and from the commit on appends
write it. Leaves it as it was when the lock cannot be had in time or an event fails.';
