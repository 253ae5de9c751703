create or replace function dbkit.resume_consumer_group(
  p_group text,
  p_partition int default null,
  p_skip boolean default false
)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_own dbkit.event_consumer_partitions;
  v_resumed int := 0;
begin
  perform dbkit.require_service('resuming a consumer group');
  perform dbkit._require_consumer_group(p_group);
  for v_own in
    select p.*
    from dbkit.event_consumer_partitions p
    where p.group_name = p_group and p.halted_at is not null
      and (p_partition is null or p.partition = p_partition)
    order by p.partition
    for update
  loop
    if p_skip then
      perform dbkit._give_up_event(v_own, v_own.failed_position, 'dead_letter', v_own.failures,
        v_own.last_error);
    end if;
    update dbkit.event_consumer_partitions p
    set halted_at = null, failures = 0, retry_at = null
    where p.group_name = p_group and p.partition = v_own.partition;
    v_resumed := v_resumed + 1;
  end loop;
  return v_resumed;
end
$$;
comment on function dbkit.resume_consumer_group(text, int, boolean) is
  'Lets the partitions (p_partition NULL: all) of a consumer group that an event has halted go on: with that
event, or with p_skip after it, and then it is a dead letter. How many were halted.
Needs service_role. Raises KD003, KD530.';
grant execute on function dbkit.resume_consumer_group(text, int, boolean) to service_role, super_admin;
