create or replace function dbkit.rebuild_projection(p_projection text, p_limit int default 10000)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_definition dbkit.event_projection_definitions;
  v_shadow dbkit.event_projection_checkpoints;
  v_before bigint;
  v_up_to bigint;
  v_diff jsonb;
begin
  perform dbkit.require_service('rebuilding a projection');
  perform dbkit._check_page(p_limit);
  v_definition := dbkit._require_projection(p_projection);
  if v_definition.mode = 'inline' then
    perform dbkit._lock_registry();
  end if;
  v_up_to := dbkit.safe_position();
  select d.* into v_definition
  from dbkit.event_projection_definitions d
  where d.projection = p_projection
  for update skip locked;
  if not found then
    perform dbkit._raise_projection_busy(p_projection);
  elsif v_definition.shadow_generation is null then
    perform dbkit._begin_rebuild(p_projection);
    v_definition := dbkit._require_projection(p_projection);
  end if;
  select c.* into v_shadow
  from dbkit.event_projection_checkpoints c
  where c.projection = p_projection and c.generation = v_definition.shadow_generation
  for update;
  v_before := v_shadow.events;
  v_up_to := greatest(v_up_to, v_shadow.position);
  v_shadow := dbkit._project_batch(v_shadow, v_up_to, p_limit);
  if v_shadow.position = v_up_to then
    v_diff := dbkit._swap_generations(v_definition, v_shadow);
    select c.* into v_shadow
    from dbkit.event_projection_checkpoints c
    where c.projection = p_projection and c.generation = v_definition.shadow_generation;
  end if;
  return jsonb_build_object('projection', p_projection,
    'phase', case when v_diff is null then 'filling' else 'swapped' end,
    'events', v_shadow.events - v_before, 'position', v_shadow.position,
    'lag', greatest(v_up_to - v_shadow.position, 0), 'failed_position', v_shadow.failed_position,
    'last_error', v_shadow.last_error, 'differing', v_diff -> 'differing', 'missing', v_diff -> 'missing',
    'extra', v_diff -> 'extra');
end
$$;
comment on function dbkit.rebuild_projection(text, int) is
  'Makes the rows of a projection anew from all events, beside those that are read meanwhile, in steps: call
it, each time in a transaction of its own, until phase is swapped. The first call begins, each one folds at
most p_limit (1 to 10000) events, and the one that has caught up compares and swaps. It can be left and gone
on with at any time.
phase: filling or swapped; events: applied by this call; position and lag as in run_projection. Once
swapped, of the rows that were read until then: differing had another state, missing were not there, extra
should not have been there, compared at the same position; NULL when the old rows could not be brought there
(an event stopped them, or they are more than 10000 positions behind). Reducers cannot write, so there are no side effects. An event that makes one raise is
told as by run_projection, and the old rows stay.
inline: appends wait while the last step compares, and for at most 2 seconds before; when open transactions
do not end in that time it stays at filling with lag 0.
Returns {projection text, phase text, events bigint, position bigint, lag bigint, failed_position bigint?, last_error text?, differing bigint?, missing bigint?, extra bigint?}.
Needs service_role. Raises KD003, KD004, KD507, KD510, KD511 (somebody else rebuilds it).';
grant execute on function dbkit.rebuild_projection(text, int) to service_role, super_admin;
