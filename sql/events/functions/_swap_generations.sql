-- Both generations are brought to one position while nobody else can move either: the rows of an inline
-- projection by keeping appends out, those of another by the lock of its checkpoint.
create or replace function dbkit._swap_generations(
  p_definition dbkit.event_projection_definitions,
  p_shadow dbkit.event_projection_checkpoints
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_live dbkit.event_projection_checkpoints;
  v_shadow dbkit.event_projection_checkpoints := p_shadow;
  v_diff jsonb := '{}'::jsonb;
begin
  if p_definition.mode = 'inline' and not dbkit._lock_appends() then
    return null;
  end if;
  select c.* into v_live
  from dbkit.event_projection_checkpoints c
  where c.projection = p_definition.projection and c.generation = p_definition.live_generation
  for update;
  v_shadow := dbkit._project_up_to(v_shadow, case p_definition.mode
    when 'inline' then coalesce(pg_sequence_last_value('dbkit.event_position_seq'), 0)
    else v_live.position end);
  if v_shadow.failed_position is not null then
    return null;
  end if;
  if not p_definition.is_live and v_shadow.position - v_live.position <= 10000 then
    v_live := dbkit._project_up_to(v_live, v_shadow.position);
  end if;
  if p_definition.is_live or v_live.position = v_shadow.position then
    v_diff := dbkit._diff_generations(p_definition.projection, p_definition.live_generation,
      p_definition.shadow_generation);
  end if;
  update dbkit.event_projection_definitions d
  set live_generation = d.shadow_generation, shadow_generation = null, is_live = d.mode = 'inline'
  where d.projection = p_definition.projection;
  perform dbkit._drop_generation(p_definition.projection, p_definition.live_generation);
  if p_definition.mode = 'inline' then
    perform dbkit._generate_event_functions();
  end if;
  return v_diff;
end
$$;
comment on function dbkit._swap_generations(
  dbkit.event_projection_definitions, dbkit.event_projection_checkpoints) is
  'Compares the shadow generation with the live one, puts it in its place and deletes the old one;
{differing, missing, extra}, {} when they could not be compared, NULL when it could not be done now.';
