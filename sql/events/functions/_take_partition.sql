create or replace function dbkit._take_partition(p_group dbkit.event_consumer_groups, p_safe_position
bigint) returns dbkit.event_consumer_partitions
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_own dbkit.event_consumer_partitions;
begin
  select p.* into v_own
  from dbkit.event_consumer_partitions p
  where p.group_name = p_group.group_name and p.halted_at is null
    and (p.leased_until is null or p.leased_until <= v_now)
    and (p.retry_at is null or p.retry_at <= v_now)
    and (p.position < p_safe_position
      or p.partition in (
        select b.partition
        from dbkit.event_consumer_blocked_streams b
        where b.group_name = p_group.group_name and b.is_released
        union all
        select dbkit._stream_partition(d.organization_id, d.aggregate_type, d.aggregate_id,
          p_group.partitions)
        from dbkit.event_dead_letters d
        where d.source = 'group' and d.source_name = p_group.group_name and d.status = 'requeued'))
  order by p.claimed_at nulls first, p.token, p.partition
  limit 1
  for update of p skip locked;
  return v_own;
end
$$;
comment on function dbkit._take_partition(dbkit.event_consumer_groups, bigint) is
  'The partition that has waited longest of those that nobody has and that may have something to read,
locked; all NULL when there is none.';
