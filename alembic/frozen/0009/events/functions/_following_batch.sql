-- Events are not stored by partition (the append would pay for it), so a scan reads those of all partitions
-- and hashes. It reads as many as should give p_limit of one partition, at most 10000; and if it finds none
-- of this one, then everybody whom it also found nothing for is moved on by it.
create or replace function dbkit._following_batch(
  p_group dbkit.event_consumer_groups,
  p_own dbkit.event_consumer_partitions,
  p_safe_position bigint,
  p_limit int
)
returns dbkit.event_consumer_partitions
language plpgsql
volatile
as $$
declare
  v_own dbkit.event_consumer_partitions := p_own;
  v_scan int := least(10000, greatest(100, p_limit * p_group.partitions));
  v_scanned int;
  v_end bigint;
  v_partitions int[];
  v_last bigint[];
begin
  select coalesce(sum(f.events), 0)::int, max(f.last), array_agg(f.part) filter (where f.part >= 0),
    array_agg(f.last) filter (where f.part >= 0), max(f.positions) filter (where f.part = p_own.partition)
  into v_scanned, v_end, v_partitions, v_last, v_own.batch
  from (
    select n.part, count(*) as events, max(n.position) as last,
      array_agg(n.position order by n.position) filter (where n.part = p_own.partition) as positions
    from (
      select e.position, case
        when (p_group.event_types is null or e.event_type = any (p_group.event_types))
          and (p_group.aggregate_types is null or e.aggregate_type = any (p_group.aggregate_types))
          and (p_group.organization_id is null or e.organization_id = p_group.organization_id)
        then dbkit._stream_partition(e.organization_id, e.aggregate_type, e.aggregate_id, p_group.partitions)
        else -1 end as part
      from dbkit.event_store e
      where e.position > p_own.position and e.position <= p_safe_position
      order by e.position
      limit v_scan) n
    group by n.part) f;
  if v_scanned < v_scan then
    v_end := p_safe_position;
  end if;
  -- EXISTS would read the table, in the hope of a row near its beginning.
  perform from dbkit.event_consumer_blocked_streams b
  where b.group_name = p_group.group_name and b.partition = p_own.partition
  order by b.is_released
  limit 1;
  if found then
    v_own.batch := dbkit._without_blocked_streams(p_group.group_name, v_own.batch);
  end if;
  v_own.batch_kind := 'events';
  v_own.batch_end := case when cardinality(v_own.batch) > p_limit then v_own.batch[p_limit] else v_end end;
  v_own.batch := v_own.batch[1:p_limit];
  if v_own.batch is null then
    perform dbkit._move_on(p_own, v_end, v_partitions, v_last);
  end if;
  return v_own;
end
$$;
comment on function dbkit._following_batch(dbkit.event_consumer_groups, dbkit.event_consumer_partitions,
  bigint,
  int) is 'The partition with its next events after its position.';
