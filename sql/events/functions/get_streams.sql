create or replace function dbkit.get_streams(
  p_aggregate_type text default null,
  p_after_id text default null,
  p_limit int default 100,
  p_archived boolean default null
)
returns table (
  aggregate_type text,
  aggregate_id text,
  version bigint,
  last_event_at timestamptz,
  created_at timestamptz,
  archived_at timestamptz,
  is_chained boolean
)
language plpgsql
stable
as $$
begin
  perform dbkit._check_page(p_limit);
  if p_after_id is not null and p_aggregate_type is null then
    perform dbkit.raise_error('KD004', 'a page after an id needs the aggregate type',
      '{"argument": "p_aggregate_type"}', 'Ids count within an aggregate type: list one type at a time.');
  end if;
  return query
  select s.aggregate_type, s.aggregate_id, s.version, s.last_event_at, s.created_at, s.archived_at,
    s.is_chained
  from dbkit.event_streams s
  where s.organization_id = (select dbkit.current_organization())
    and (p_aggregate_type is null or s.aggregate_type = p_aggregate_type)
    and (p_after_id is null or s.aggregate_id > p_after_id)
    and (p_archived is null or (s.archived_at is not null) = p_archived)
  order by s.aggregate_type, s.aggregate_id
  limit p_limit;
end
$$;
comment on function dbkit.get_streams(text, text, int, boolean) is
  'Streams of the caller''s organization with their newest version, by type and id, at most p_limit (1 to
10000).
p_aggregate_type: NULL all. p_after_id: to go on within a type, the last id that came. p_archived: true
only archived ones, false only open ones, NULL both. Raises KD004.
Nullable: archived_at.';
grant execute on function dbkit.get_streams(text, text, int, boolean)
to authenticated, service_role, super_admin;
