-- The checkpoint first: that waits for whoever holds it, and sees their rows.
create or replace function dbkit._drop_generation(p_projection text, p_generation int)
returns void
language plpgsql
volatile
as $$
begin
  delete from dbkit.event_projection_checkpoints c
  where c.projection = p_projection and c.generation = p_generation;
  delete from dbkit.event_projections p
  where p.projection = p_projection and p.generation = p_generation;
end
$$;
comment on function dbkit._drop_generation(text, int) is 'Deletes checkpoint and rows of a generation.';
