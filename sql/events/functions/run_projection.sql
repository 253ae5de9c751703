create or replace function dbkit.run_projection(p_projection text, p_limit int default 1000)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_definition dbkit.event_projection_definitions;
  v_checkpoint dbkit.event_projection_checkpoints;
  v_before bigint;
  v_up_to bigint;
begin
  perform dbkit.require_service('running a projection');
  perform dbkit._check_page(p_limit);
  v_definition := dbkit._require_projection(p_projection);
  if v_definition.mode = 'inline' and not v_definition.is_live then
    perform dbkit._lock_registry();
    v_definition := dbkit._require_projection(p_projection);
  end if;
  v_up_to := dbkit.safe_position();
  if v_definition.mode = 'inline' and v_definition.is_live then
    return jsonb_build_object('projection', p_projection, 'is_live', true, 'events', 0, 'position', v_up_to,
      'lag', 0, 'failed_position', null, 'last_error', null);
  end if;
  select c.* into v_checkpoint
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = p_projection
  for update of c skip locked;
  if not found then
    perform dbkit._raise_projection_busy(p_projection);
  end if;
  v_before := v_checkpoint.events;
  v_up_to := greatest(v_up_to, v_checkpoint.position);
  v_checkpoint := dbkit._project_batch(v_checkpoint, v_up_to, p_limit);
  if v_definition.mode = 'inline' and v_checkpoint.position = v_up_to then
    v_checkpoint := dbkit._go_live(v_checkpoint);
    v_definition := dbkit._require_projection(p_projection);
  end if;
  return jsonb_build_object('projection', p_projection, 'is_live', v_definition.is_live,
    'events', v_checkpoint.events - v_before, 'position', v_checkpoint.position,
    'lag', greatest(v_up_to - v_checkpoint.position, 0), 'failed_position', v_checkpoint.failed_position,
    'last_error', v_checkpoint.last_error);
end
$$;
comment on function dbkit.run_projection(text, int) is
  'Folds the next events, at most p_limit (1 to 10000), into a projection''s rows, for all organizations;
rows and checkpoint change together. Call it again while lag is not 0. position: every event up to there is
in; lag: how many positions it is behind what can be read safely (positions have gaps); events: how many
were applied.
An event that makes the reducer, key function or an upcaster raise stops it: what is before is kept,
failed_position and last_error say where and why (so does get_projection_status), and the next run tries
that event again.
An inline projection that has caught up becomes live: from then on appends write it, and this does nothing.
Returns {projection text, is_live boolean, events bigint, position bigint, lag bigint, failed_position bigint?, last_error text?}.
Needs service_role. Raises KD003, KD004, KD507 (not READ COMMITTED, or a replica), KD510, KD511 (somebody
else runs it).';
grant execute on function dbkit.run_projection(text, int) to service_role, super_admin;
