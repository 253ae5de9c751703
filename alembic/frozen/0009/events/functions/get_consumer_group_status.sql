-- VOLATILE, because safe_position is. The age is that of the first event after the partition's position,
-- which may be another partition's: finding its own would read them all.
create or replace function dbkit.get_consumer_group_status(p_group text default null)
returns table (
  group_name text,
  partition int,
  "position" bigint,
  lag bigint,
  lag_seconds double precision,
  events bigint,
  leased_by text,
  leased_until timestamptz,
  acknowledged_at timestamptz,
  failed_position bigint,
  failures int,
  last_error text,
  retry_at timestamptz,
  halted_at timestamptz,
  blocked_streams bigint
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
  perform dbkit.require_service('seeing how consumer groups are doing');
  if p_group is not null then
    perform dbkit._require_consumer_group(p_group);
  end if;
  v_safe := dbkit.safe_position();
  return query
  select p.group_name, p.partition, p.position, greatest(v_safe - p.position, 0),
    coalesce(extract(epoch from dbkit.clock() - n.created_at), 0)::double precision, p.events, p.leased_by,
    p.leased_until, p.acknowledged_at, p.failed_position, p.failures, p.last_error, p.retry_at, p.halted_at,
    (select count(*) from dbkit.event_consumer_blocked_streams b
      where b.group_name = p.group_name and b.partition = p.partition)
  from dbkit.event_consumer_partitions p
  left join lateral (
    select e.created_at
    from dbkit.event_store e
    where e.position > p.position and e.position <= v_safe
    order by e.position
    limit 1) n on true
  where p_group is null or p.group_name = p_group
  order by p.group_name, p.partition;
end
$$;
comment on function dbkit.get_consumer_group_status(text) is
  'How each partition of a consumer group (NULL: of all groups) is doing. position: the group is done with
every event of the partition up to there, except of streams that it holds back (blocked_streams of them);
lag: how many positions that is behind what can be read safely, and lag_seconds how old the first event
after it is: both are upper bounds, since positions have gaps, and the events in between may be of other
partitions; events: how many were acknowledged; leased_by and leased_until: who has it now; failed_position,
failures in a row and last_error: the event that failed last; retry_at: it waits until then; halted_at: it
waits for resume_consumer_group.
Needs service_role. Raises KD003, KD507, KD530.
Nullable: leased_by, leased_until, acknowledged_at, failed_position, last_error, retry_at, halted_at.';
grant execute on function dbkit.get_consumer_group_status(text) to service_role, super_admin;
