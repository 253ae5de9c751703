create or replace function dbkit._requeued_batch(
  p_group dbkit.event_consumer_groups,
  p_own dbkit.event_consumer_partitions,
  p_limit int
)
returns dbkit.event_consumer_partitions
language plpgsql
volatile
as $$
declare
  v_own dbkit.event_consumer_partitions := p_own;
begin
  v_own.batch := (
    select array_agg(l.position order by l.position)
    from (
      select distinct d.position
      from dbkit.event_dead_letters d
      where d.source = 'group' and d.source_name = p_group.group_name and d.status = 'requeued'
        and dbkit._stream_partition(d.organization_id, d.aggregate_type, d.aggregate_id, p_group.partitions)
          = p_own.partition
      order by d.position
      limit p_limit) l);
  v_own.batch_kind := 'dead_letter';
  v_own.batch_end := null;
  return v_own;
end
$$;
comment on function dbkit._requeued_batch(dbkit.event_consumer_groups, dbkit.event_consumer_partitions,
  int) is
  'The partition with events of its dead letters that were requeued.';
