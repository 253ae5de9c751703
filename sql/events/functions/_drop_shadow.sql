create or replace function dbkit._drop_shadow(p_projection text)
returns boolean
language plpgsql
volatile
as $$
declare
  v_generation int;
begin
  select d.shadow_generation into v_generation
  from dbkit.event_projection_definitions d
  where d.projection = p_projection
  for update;
  if v_generation is null then
    return false;
  end if;
  perform dbkit._drop_generation(p_projection, v_generation);
  update dbkit.event_projection_definitions d
  set shadow_generation = null
  where d.projection = p_projection;
  return true;
end
$$;
comment on function dbkit._drop_shadow(text) is
  'Throws away what a rebuild has filled, once nobody works at it; false when none was under way.';
