create or replace function dbkit._give_up_event(
  p_own dbkit.event_consumer_partitions,
  p_position bigint,
  p_decision text,
  p_failures int,
  p_error text
)
returns void
language plpgsql
volatile
as $$
declare
  v_event dbkit.event_store;
begin
  select e.* into v_event from dbkit.event_store e where e.position = p_position;
  if p_own.batch_kind = 'dead_letter' then
    perform dbkit._reopen_group_letter(p_own.group_name, p_position, p_error);
  elsif p_decision = 'dead_letter' then
    perform dbkit._add_dead_letter(v_event.organization_id, 'group', p_own.group_name, p_position, null,
      p_error, jsonb_build_object('partition', p_own.partition, 'failures', p_failures));
  else
    insert into dbkit.event_consumer_blocked_streams as b (group_name, organization_id, aggregate_type,
      aggregate_id, partition, version, position, failures, last_error, blocked_at)
    values (p_own.group_name, v_event.organization_id, v_event.aggregate_type, v_event.aggregate_id,
      p_own.partition, v_event.version, p_position, p_failures, p_error, dbkit.clock())
    on conflict (group_name, organization_id, aggregate_type, aggregate_id) do update
    set version = excluded.version, position = excluded.position, is_released = false,
      failures = excluded.failures, last_error = excluded.last_error, blocked_at = excluded.blocked_at;
  end if;
  if p_own.batch_kind = 'stream' and p_decision = 'dead_letter' then
    perform dbkit._pass_held_back(p_own.group_name, p_position);
  end if;
  update dbkit.event_consumer_partitions p
  set position = case when p_own.batch_kind = 'events' then p_position else p.position end,
    failed_position = null, failures = 0, last_error = null, retry_at = null, halted_at = null
  where p.group_name = p_own.group_name and p.partition = p_own.partition;
end
$$;
comment on function dbkit._give_up_event(dbkit.event_consumer_partitions, bigint, text, int, text) is
  'Puts an event aside (p_decision dead_letter) or its stream (blocked), and the partition goes on after
it.';
