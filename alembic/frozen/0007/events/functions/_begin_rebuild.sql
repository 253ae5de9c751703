create or replace function dbkit._begin_rebuild(p_projection text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._drop_shadow(p_projection);
  update dbkit.event_projection_definitions d
  set shadow_generation = d.live_generation + 1
  where d.projection = p_projection;
  insert into dbkit.event_projection_checkpoints (projection, generation, reducer_signature, key_signature,
    event_types, updated_at)
  select d.projection, d.shadow_generation, d.reducer_signature, d.key_signature, d.event_types, dbkit.clock()
  from dbkit.event_projection_definitions d
  where d.projection = p_projection;
end
$$;
comment on function dbkit._begin_rebuild(text) is
  'Makes an empty shadow generation that is folded as the definition says, in place of any other.';
