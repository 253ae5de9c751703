create or replace function dbkit.get_dead_letters(
  p_source text default null,
  p_status text default 'open',
  p_before_id bigint default null,
  p_limit int default 100,
  p_organization_id text default null
)
returns table (
  dead_letter_id bigint,
  organization_id text,
  source text,
  source_name text,
  delivery_id bigint,
  "position" bigint,
  event_id uuid,
  aggregate_type text,
  aggregate_id text,
  event_type text,
  reason text,
  detail jsonb,
  status text,
  created_at timestamptz,
  resolved_at timestamptz,
  resolved_by text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing dead letters');
  perform dbkit._check_page(p_limit);
  return query
  select l.*
  from (
    select l.dead_letter_id, l.organization_id, l.source, l.source_name, l.delivery_id, l.position, l.event_id,
      l.aggregate_type, l.aggregate_id, l.event_type, l.reason, l.detail, l.status, l.created_at,
      l.resolved_at, l.resolved_by
    from dbkit.event_dead_letters l
    where (v_organization_id is null or l.organization_id = v_organization_id)
      and (p_source is null or l.source = p_source) and (p_status is null or l.status = p_status)
      and (p_before_id is null or l.dead_letter_id < p_before_id)
    order by l.dead_letter_id desc
    limit p_limit) as l
  union all
  select null, e.organization_id, 'projection', c.projection, null, c.failed_position, e.event_id,
    e.aggregate_type, e.aggregate_id, e.event_type, c.last_error,
    jsonb_build_object('generation', c.generation, 'failures', c.failures), 'open', c.updated_at, null, null
  from dbkit.event_projection_checkpoints c
  join dbkit.event_projection_definitions d on d.projection = c.projection
    and c.generation in (d.live_generation, d.shadow_generation)
  join dbkit.event_store e on e.position = c.failed_position
  where p_before_id is null and coalesce(p_source, 'projection') = 'projection'
    and coalesce(p_status, 'open') = 'open'
    and (v_organization_id is null or e.organization_id = v_organization_id)
  order by 1 desc nulls first;
end
$$;
comment on function dbkit.get_dead_letters(text, text, bigint, int, text) is
  'Events that somebody gave up on, the newest first, at most p_limit (1 to 10000). p_source: webhook,
group, projection, NULL all. p_status: open, requeued, discarded, resolved, NULL all. p_before_id: the
last id of the page before. p_organization_id: NULL that of the request context, * all.
Events that stop a projection come first, without an id and beyond p_limit: run_projection tries them again.
Needs service_role. Raises KD003, KD004.
Nullable: dead_letter_id, delivery_id, position, event_id, aggregate_type, aggregate_id, event_type, resolved_at.
Nullable: resolved_by.
Nullable argument: p_status.';
grant execute on function dbkit.get_dead_letters(text, text, bigint, int, text) to service_role, super_admin;
