-- The block is a savepoint: what a failing event left half done is gone, and the caller goes on. Errors that
-- say nothing about the event (deadlock, timeout, disk full) are no failure of the projection.
create or replace function dbkit._project_range(
  p_checkpoint dbkit.event_projection_checkpoints,
  p_after_position bigint,
  p_up_to bigint
)
returns text
language plpgsql
volatile
as $$
begin
  with folded as materialized (
    select f.*
    from dbkit._project_events(p_checkpoint, p_checkpoint.generation, p_after_position, p_up_to) f
  ), gone as (
    delete from dbkit.event_projections p
    using folded f
    where f.state is null and p.organization_id = f.organization_id
      and p.projection = p_checkpoint.projection and p.generation = p_checkpoint.generation and p.key = f.key
  )
  insert into dbkit.event_projections as p (organization_id, projection, generation, key, state, position,
    updated_at)
  select f.organization_id, p_checkpoint.projection, p_checkpoint.generation, f.key, f.state, f.last_position,
    dbkit.clock()
  from folded f
  where f.state is not null
  on conflict (organization_id, projection, generation, key) do update
  set state = excluded.state, position = excluded.position, updated_at = excluded.updated_at;
  return null;
exception
  when others then
    if sqlstate ~ '^(40|53|55|57|58|KD507)' then
      raise;
    end if;
    return format('%s: %s', sqlstate, left(sqlerrm, 500));
end
$$;
comment on function dbkit._project_range(dbkit.event_projection_checkpoints, bigint, bigint) is
  'Folds the events in a range of positions into the rows of a generation; NULL, or what an event raised,
and then nothing is changed.';
