-- The row lock is held to the caller's commit, and claims skip it: so nobody gets a batch while it is being
-- acknowledged, and effect and acknowledgement are committed together or not at all. An acknowledgement
-- only goes forward: sent twice, the second fails, and with it a transaction that would repeat the effect.
create or replace function dbkit.ack_events(p_group text, p_partition int, p_token bigint, p_position
bigint) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_own dbkit.event_consumer_partitions;
  v_at int;
  v_rest bigint[];
  v_succeeds boolean;
begin
  perform dbkit.require_service('acknowledging events');
  v_own := dbkit._leased_partition(p_group, p_partition, p_token);
  v_at := dbkit._place_in_batch(v_own, p_position);
  v_rest := nullif(v_own.batch[v_at + 1 :], '{}');
  v_succeeds := coalesce(v_own.failed_position = any (v_own.batch[1:v_at]), false);
  update dbkit.event_consumer_partitions p
  set position = case when p.batch_kind <> 'events' then p.position when v_rest is null then p.batch_end
      else p_position end,
    batch = v_rest, events = p.events + v_at, acknowledged_at = dbkit.clock(), lost_leases = 0,
    leased_by = case when v_rest is not null then p.leased_by end,
    leased_until = case when v_rest is not null then p.leased_until end,
    failed_position = case when not v_succeeds then p.failed_position end,
    failures = case when not v_succeeds then p.failures else 0 end,
    last_error = case when not v_succeeds then p.last_error end
  where p.group_name = p_group and p.partition = p_partition;
  if v_own.batch_kind = 'stream' then
    perform dbkit._pass_held_back(p_group, p_position);
  elsif v_own.batch_kind = 'dead_letter' then
    perform dbkit._resolve_group_letters(p_group, v_own.batch[1:v_at]);
  end if;
  return coalesce(cardinality(v_rest), 0);
end
$$;
comment on function dbkit.ack_events(text, int, bigint, bigint) is
  'Acknowledges the events of a claimed batch up to p_position, one of its own. Call it in the transaction
of what you made of them: then each has its effect exactly once. How many of the batch are left; at 0 the
partition has been given back.
Needs service_role. Raises KD003, KD004 (no open event of the batch), KD530, KD532 (the lease has ended and
the partition was claimed again, given back, or all of it acknowledged): roll back.';
grant execute on function dbkit.ack_events(text, int, bigint, bigint) to service_role, super_admin;
