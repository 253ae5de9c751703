create or replace function dbkit.get_projection_status(p_projection text default null)
returns table (
  projection text,
  mode text,
  is_live boolean,
  generation int,
  "position" bigint,
  lag bigint,
  events bigint,
  row_count bigint,
  failed_position bigint,
  failures int,
  last_error text,
  rebuilding boolean,
  rebuild_position bigint,
  updated_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_safe bigint;
begin
  perform dbkit.require_service('seeing how projections are doing');
  if p_projection is not null then
    perform dbkit._require_projection(p_projection);
  end if;
  v_safe := dbkit.safe_position();
  return query
  select d.projection, d.mode, d.is_live, d.live_generation,
    case when d.is_live then v_safe else c.position end,
    case when d.is_live then 0 else greatest(v_safe - c.position, 0) end, c.events,
    (select count(*) from dbkit.event_projections p
      where p.projection = d.projection and p.generation = d.live_generation),
    c.failed_position, c.failures, c.last_error, d.shadow_generation is not null, s.position, c.updated_at
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  left join dbkit.event_projection_checkpoints s
    on s.projection = d.projection and s.generation = d.shadow_generation
  where p_projection is null or d.projection = p_projection
  order by d.projection;
end
$$;
comment on function dbkit.get_projection_status(text) is
  'How a projection (NULL: each) is doing. is_live: appends write it (inline, caught up). position: every
event up to there is in it; lag: how many positions that is behind what can be read safely; events: applied
by runs and rebuilds, not by appends; row_count: rows of all organizations; failed_position, failures in a
row and last_error: the event that stops it; rebuilding, and rebuild_position, how far that has come;
updated_at: of its last run.
Needs service_role. Raises KD003, KD507, KD510.
Nullable: failed_position, last_error, rebuild_position.';
grant execute on function dbkit.get_projection_status(text) to service_role, super_admin;
