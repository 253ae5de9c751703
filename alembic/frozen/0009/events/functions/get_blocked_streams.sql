create or replace function dbkit.get_blocked_streams(p_group text default null, p_limit int default 1000)
returns table (
  group_name text,
  organization_id text,
  aggregate_type text,
  aggregate_id text,
  partition int,
  version bigint,
  "position" bigint,
  is_released boolean,
  failures int,
  last_error text,
  blocked_at timestamptz
)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  perform dbkit._check_page(p_limit);
  return query
  select b.group_name, b.organization_id, b.aggregate_type, b.aggregate_id, b.partition, b.version,
    b.position, b.is_released, b.failures, b.last_error, b.blocked_at
  from dbkit.event_consumer_blocked_streams b
  where p_group is null or b.group_name = p_group
  order by b.group_name, b.blocked_at, b.position
  limit p_limit;
end
$$;
comment on function dbkit.get_blocked_streams(text, int) is
  'Streams that a consumer group (NULL: any) holds back, those that wait longest first, at most p_limit (1
to 10000). version: of the next event that the group has to get; position, failures and last_error: of the
event that failed; is_released: unblock_stream was called, and what was held back is being claimed.
Needs service_role. Raises KD004.';
grant execute on function dbkit.get_blocked_streams(text, int) to service_role, super_admin;
