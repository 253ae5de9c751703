create or replace function dbkit.cancel_rebuild(p_projection text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_live dbkit.event_projection_checkpoints;
  v_is_cancelled boolean;
begin
  perform dbkit.require_service('cancelling a rebuild');
  perform dbkit._require_projection(p_projection);
  v_is_cancelled := dbkit._drop_shadow(p_projection);
  select c.* into v_live
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = p_projection;
  if v_is_cancelled then
    update dbkit.event_projection_definitions d
    set reducer_signature = v_live.reducer_signature, key_signature = v_live.key_signature,
      event_types = v_live.event_types
    where d.projection = p_projection;
  end if;
  return v_is_cancelled;
end
$$;
comment on function dbkit.cancel_rebuild(text) is
  'Ends a rebuild and throws away what it has filled; the rows that are read stay as they are. When it was
begun by registering another reducer, key or event types, the projection goes on with the old ones. False
when no rebuild was under way. Waits for a step that runs. Needs service_role. Raises KD003, KD510.';
grant execute on function dbkit.cancel_rebuild(text) to service_role, super_admin;
