-- By version, because the stream's key has it: the position only says where the partition takes over.
create or replace function dbkit._held_back_batch(
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
  v_stream dbkit.event_consumer_blocked_streams;
  v_last_version bigint;
begin
  loop
    select b.* into v_stream
    from dbkit.event_consumer_blocked_streams b
    where b.group_name = p_group.group_name and b.partition = p_own.partition and b.is_released
    order by b.position, b.organization_id, b.aggregate_type, b.aggregate_id
    limit 1
    for update;
    exit when not found;
    select max(e.version) filter (where e.position <= p_own.position),
      (array_agg(e.position order by e.position) filter (where e.position <= p_own.position
        and (p_group.event_types is null or e.event_type = any (p_group.event_types))))[1:p_limit]
    into v_last_version, v_own.batch
    from (
      select s.version, s.position, s.event_type
      from dbkit.event_store s
      where s.organization_id = v_stream.organization_id and s.aggregate_type = v_stream.aggregate_type
        and s.aggregate_id = v_stream.aggregate_id and s.version >= v_stream.version
      order by s.version
      limit greatest(p_limit, 1000)) e;
    exit when v_own.batch is not null;
    if v_last_version is null then
      delete from dbkit.event_consumer_blocked_streams b
      where b.group_name = v_stream.group_name and b.organization_id = v_stream.organization_id
        and b.aggregate_type = v_stream.aggregate_type and b.aggregate_id = v_stream.aggregate_id;
    else
      update dbkit.event_consumer_blocked_streams b
      set version = v_last_version + 1
      where b.group_name = v_stream.group_name and b.organization_id = v_stream.organization_id
        and b.aggregate_type = v_stream.aggregate_type and b.aggregate_id = v_stream.aggregate_id;
    end if;
  end loop;
  v_own.batch_kind := 'stream';
  v_own.batch_end := null;
  return v_own;
end
$$;
comment on function dbkit._held_back_batch(dbkit.event_consumer_groups, dbkit.event_consumer_partitions,
  int) is
  'The partition with the next events of a stream that was unblocked, up to where the partition is. A stream
that has caught up goes on with the others.';
