-- STABLE on purpose: rows, checkpoint and events are read as of one moment, so nobody is held up.
create or replace function dbkit.verify_projection(p_projection text, p_limit int default 1000)
returns table (organization_id text, key text, problem text, stored jsonb, replayed jsonb)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_checkpoint dbkit.event_projection_checkpoints;
  v_up_to bigint;
begin
  perform dbkit.require_service('verifying a projection');
  perform dbkit._check_page(p_limit);
  perform dbkit._require_projection(p_projection);
  select c.* into v_checkpoint
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = p_projection;
  v_up_to := case when (
    select d.is_live from dbkit.event_projection_definitions d where d.projection = p_projection
  ) then 9223372036854775807 else v_checkpoint.position end;
  return query
  select coalesce(s.organization_id, r.organization_id), coalesce(s.key, r.key),
    case when s.key is null then 'missing' when r.key is null then 'extra' else 'differing' end,
    s.state, r.state
  from (
    select p.* from dbkit.event_projections p
    where p.projection = p_projection and p.generation = v_checkpoint.generation
  ) s
  full join (
    select f.* from dbkit._project_events(v_checkpoint, null, 0, v_up_to) f where f.state is not null
  ) r on r.organization_id = s.organization_id and r.key = s.key
  where s.state is distinct from r.state
  order by 1, 2
  limit p_limit;
end
$$;
comment on function dbkit.verify_projection(text, int) is
  'Replays all events that a projection has read, and returns the rows that are not what comes out, at most
p_limit (1 to 10000); no row: all is well. problem: differing, missing (only replayed) or extra (only
stored). Changes nothing and holds nothing up; reads every event of the projection''s types. Needs
service_role. Raises KD003, KD004, KD510.
Nullable: stored, replayed.';
grant execute on function dbkit.verify_projection(text, int) to service_role, super_admin;
