-- Takes all partitions, in order, and waits for acknowledgements that are under way.
create or replace function dbkit.reset_consumer_group(p_group text, p_position bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('resetting a consumer group');
  perform dbkit._require_consumer_group(p_group);
  perform dbkit._check_group_position('p_position', p_position);
  perform from dbkit.event_consumer_partitions p
  where p.group_name = p_group
  order by p.partition
  for update;
  update dbkit.event_consumer_partitions p
  set position = p_position, token = p.token + 1, leased_by = null, leased_until = null, claimed_at = null,
    batch = null, batch_kind = 'events', batch_end = null, lost_leases = 0, failed_position = null,
    failures = 0, last_error = null, retry_at = null, halted_at = null
  where p.group_name = p_group;
  delete from dbkit.event_consumer_blocked_streams b where b.group_name = p_group;
end
$$;
comment on function dbkit.reset_consumer_group(text, bigint) is
  'Sets a consumer group back, or forward, to a position: it goes on with the events after it (0: all again).
Whoever has a batch cannot acknowledge it any more; streams that were held back are not, halted partitions
go on, and dead letters stay.
Needs service_role. Raises KD003, KD530, KD531.';
grant execute on function dbkit.reset_consumer_group(text, bigint) to service_role, super_admin;
