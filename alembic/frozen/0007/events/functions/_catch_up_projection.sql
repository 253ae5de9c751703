-- No lock when nothing is new; otherwise readers wait for the first of them to commit. Bounded: a reader
-- pays for at most 100000 positions. Readers may execute it: it tells nothing, and does what a read does.
create or replace function dbkit._catch_up_projection(p_projection text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_checkpoint dbkit.event_projection_checkpoints;
  v_up_to bigint := dbkit.safe_position();
begin
  select c.* into v_checkpoint
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = p_projection and d.mode = 'on_demand';
  if not found or v_up_to <= v_checkpoint.position or v_up_to - v_checkpoint.position <= 1000 and not exists (
    select
    from dbkit.event_store e
    where e.position > v_checkpoint.position and e.position <= v_up_to
      and ('*' = any (v_checkpoint.event_types) or e.event_type = any (v_checkpoint.event_types))
  ) then
    return;
  end if;
  select c.* into v_checkpoint
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = p_projection and d.mode = 'on_demand'
  for update of c;
  if not found then
    -- A rebuild has swapped meanwhile.
    perform dbkit._catch_up_projection(p_projection);
    return;
  elsif v_up_to - v_checkpoint.position > 100000 then
    perform dbkit.raise_error('KD512', format('the projection %s is %s positions behind', p_projection,
        v_up_to - v_checkpoint.position), jsonb_build_object('projection', p_projection,
        'position', v_checkpoint.position, 'lag', v_up_to - v_checkpoint.position),
      'Call run_projection until its lag is 0; reads catch up 100000 positions at most.');
  end if;
  v_checkpoint := dbkit._project_up_to(v_checkpoint, v_up_to);
  if v_checkpoint.failed_position is not null then
    perform dbkit.raise_error('KD512', format('the projection %s is stopped by an event', p_projection),
      jsonb_build_object('projection', p_projection, 'position', v_checkpoint.position,
        'failed_position', v_checkpoint.failed_position),
      'run_projection and get_projection_status say what it raises.');
  end if;
end
$$;
comment on function dbkit._catch_up_projection(text) is
  'Folds what is new into an on_demand projection that is about to be read; does nothing for another.
Raises KD507, KD512.';
grant execute on function dbkit._catch_up_projection(text) to authenticated, service_role, super_admin;
