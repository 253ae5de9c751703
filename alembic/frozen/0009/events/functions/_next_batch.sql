-- What was held back comes first, so that it ends: it does not grow while the partition stands still.
create or replace function dbkit._next_batch(
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
  v_limit int := p_limit;
  v_failed_at int;
begin
  if v_own.leased_by is not null then
    v_own.lost_leases := v_own.lost_leases + 1;
    if v_own.lost_leases > 3 and cardinality(v_own.batch) = 1 then
      perform dbkit._fail_partition(p_group, v_own, v_own.batch[1],
        format('the lease of %s ended without an answer, as %s before it', v_own.leased_by,
          v_own.lost_leases - 1));
      v_own.batch := null;
      return v_own;
    end if;
  end if;
  v_limit := greatest(1, p_limit >> least(v_own.lost_leases, 30));
  v_own.batch := null;
  v_own := dbkit._held_back_batch(p_group, v_own, v_limit);
  if v_own.batch is null then
    v_own := dbkit._requeued_batch(p_group, v_own, v_limit);
  end if;
  if v_own.batch is null then
    v_own := dbkit._following_batch(p_group, v_own, p_safe_position, v_limit);
  end if;
  -- An event that has failed comes alone, after what is before it.
  v_failed_at := array_position(v_own.batch, v_own.failed_position);
  if v_failed_at is not null then
    v_own.batch := v_own.batch[1 : greatest(v_failed_at - 1, 1)];
    v_own.batch_end := v_own.batch[cardinality(v_own.batch)];
  end if;
  return v_own;
end
$$;
comment on function dbkit._next_batch(dbkit.event_consumer_groups, dbkit.event_consumer_partitions, bigint,
  int) is
  'A partition that the caller has locked, with the positions that are its next batch; batch NULL when it
has none, and then it has been moved on.';
