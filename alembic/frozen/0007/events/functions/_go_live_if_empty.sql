-- The long look for old events comes before the lock; under it only what came since is read.
create or replace function dbkit._go_live_if_empty(p_projection text)
returns void
language plpgsql
volatile
as $$
declare
  v_checkpoint dbkit.event_projection_checkpoints;
  v_up_to bigint := dbkit.safe_position();
begin
  select c.* into v_checkpoint
  from dbkit.event_projection_checkpoints c
  where c.projection = p_projection
  for update;
  if exists (
    select
    from dbkit.event_store e
    where e.position <= v_up_to
      and ('*' = any (v_checkpoint.event_types) or e.event_type = any (v_checkpoint.event_types))
  ) then
    return;
  end if;
  perform dbkit._go_live(dbkit._project_batch(v_checkpoint, v_up_to, 1));
end
$$;
comment on function dbkit._go_live_if_empty(text) is
  'Makes an inline projection live at once when there is no event yet that it reads.';
