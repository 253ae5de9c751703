-- Of the others only who is free, SKIP LOCKED: nobody waits for anybody here. A partition that begins
-- before the scan did, or has an event in it, stays.
create or replace function dbkit._move_on(
  p_own dbkit.event_consumer_partitions,
  p_end bigint,
  p_partitions int[],
  p_last bigint[]
)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_consumer_partitions q
  set position = p_end, leased_by = null, leased_until = null, batch = null, lost_leases = 0
  where q.group_name = p_own.group_name
    and (q.partition = p_own.partition or q.partition in (
      select f.partition
      from dbkit.event_consumer_partitions f
      left join unnest(p_partitions, p_last) as l (partition, last) on l.partition = f.partition
      where f.group_name = p_own.group_name and f.leased_by is null and f.failed_position is null
        and f.position >= p_own.position and f.position < p_end
        and (l.last is null or l.last <= f.position)
      for update of f skip locked));
end
$$;
comment on function dbkit._move_on(dbkit.event_consumer_partitions, bigint, int[], bigint[]) is
  'Moves a partition without events up to p_end there, and with it those others that have none either, by
the last positions of the partitions that were found.';
