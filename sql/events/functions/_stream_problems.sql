create or replace function dbkit._stream_problems(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text
)
returns table (
  problem text,
  organization_id text,
  aggregate_type text,
  aggregate_id text,
  version bigint,
  "position" bigint,
  detail jsonb
)
language plpgsql
stable
as $$
begin
  return query
  select 'stream_without_events', s.organization_id, s.aggregate_type, s.aggregate_id, s.version, null::bigint,
    '{}'::jsonb
  from dbkit.event_streams s
  where (p_organization_id is null or (s.organization_id = p_organization_id
      and s.aggregate_type = p_aggregate_type and s.aggregate_id = p_aggregate_id))
    and not exists (
      select from dbkit.event_store e
      where e.organization_id = s.organization_id and e.aggregate_type = s.aggregate_type
        and e.aggregate_id = s.aggregate_id);
  return query
  select 'snapshot_differs', s.organization_id, s.aggregate_type, s.aggregate_id, s.version, s.position,
    jsonb_build_object('snapshot_created_at', s.created_at)
  from dbkit.event_snapshots s
  where (p_organization_id is null or (s.organization_id = p_organization_id
      and s.aggregate_type = p_aggregate_type and s.aggregate_id = p_aggregate_id))
    and case when s.fingerprint = dbkit._state_fingerprint(s.aggregate_type, s.event_types)
      then not dbkit._is_fold(s) end;
end
$$;
comment on function dbkit._stream_problems(text, text, text) is
  'What is wrong with heads and snapshots of one stream, or of all (NULL); see verify_events.';
