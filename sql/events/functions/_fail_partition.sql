-- Given up is only who is first: what is before it is acknowledged then, so position can move past it.
create or replace function dbkit._fail_partition(
  p_group dbkit.event_consumer_groups,
  p_own dbkit.event_consumer_partitions,
  p_position bigint,
  p_error text
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_error text := dbkit._error_to_keep(p_position, p_own.claimed_at, p_error);
  v_failures int := case when p_own.failed_position = p_position then p_own.failures + 1 else 1 end;
  v_is_first boolean := p_own.batch[1] = p_position;
  v_decision text := case
    when p_own.batch_kind = 'dead_letter' then 'dead_letter'
    when v_failures < p_group.max_failures or not v_is_first then 'retry'
    when p_group.poison_policy = 'halt' then 'halted'
    when p_group.poison_policy = 'block' then 'blocked'
    else 'dead_letter' end;
  v_retry_at timestamptz := case when v_decision = 'retry' and v_is_first
    then dbkit.clock() + dbkit._group_retry_delay(v_failures, random()) end;
begin
  update dbkit.event_consumer_partitions p
  set leased_by = null, leased_until = null, batch = null, batch_kind = p_own.batch_kind, lost_leases = 0,
    failed_position = p_position, failures = v_failures, last_error = v_error, retry_at = v_retry_at,
    halted_at = case when v_decision = 'halted' then dbkit.clock() end
  where p.group_name = p_own.group_name and p.partition = p_own.partition;
  if v_decision in ('blocked', 'dead_letter') then
    perform dbkit._give_up_event(p_own, p_position, v_decision, v_failures, v_error);
  end if;
  return jsonb_build_object('decision', v_decision, 'failures', v_failures, 'retry_at', v_retry_at);
end
$$;
comment on function dbkit._fail_partition(dbkit.event_consumer_groups, dbkit.event_consumer_partitions,
  bigint,
  text) is 'Counts a failure of an event of the batch, gives the partition back, and decides what comes
next.';
