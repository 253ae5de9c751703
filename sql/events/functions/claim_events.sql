-- The order matters: first how far events can be read safely, then, with snapshots of their own, the
-- events. A claim waits for nobody: it takes a partition that nobody has, SKIP LOCKED, and so never one
-- that is being acknowledged. What it finds empty it moves on, so that no claim reads the same events
-- again.
create or replace function dbkit.claim_events(
  p_group text,
  p_consumer text,
  p_limit int default 100,
  p_lease_seconds int default 60
)
returns table (
  partition int,
  token bigint,
  leased_until timestamptz,
  failures int,
  events dbkit.event_store[]
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_group dbkit.event_consumer_groups;
  v_own dbkit.event_consumer_partitions;
  v_safe bigint;
  v_events dbkit.event_store[];
  v_count int;
  v_rounds int := 0;
begin
  perform dbkit.require_service('consuming events');
  perform dbkit._check_page(p_limit);
  perform dbkit._check_lease(p_consumer, p_lease_seconds);
  v_group := dbkit._require_consumer_group(p_group);
  v_safe := dbkit.safe_position();
  loop
    v_own := dbkit._take_partition(v_group, v_safe);
    v_rounds := v_rounds + 1;
    exit when v_own.partition is null or v_rounds > 100;
    v_own := dbkit._next_batch(v_group, v_own, v_safe, p_limit);
    if v_own.batch is not null then
      v_events := dbkit._read_batch(v_group, v_own);
      v_count := cardinality(v_events);
    end if;
    if v_count > 0 then
      update dbkit.event_consumer_partitions p
      set position = v_own.position, token = p.token + 1, leased_by = p_consumer,
        leased_until = dbkit.clock() + make_interval(secs => p_lease_seconds), claimed_at = dbkit.clock(),
        batch = v_own.batch[1:v_count], batch_kind = v_own.batch_kind,
        batch_end = case when v_count = cardinality(v_own.batch) then v_own.batch_end
          else v_own.batch[v_count] end,
        lost_leases = v_own.lost_leases, retry_at = null
      where p.group_name = p_group and p.partition = v_own.partition
      returning p.partition, p.token, p.leased_until,
        case when p.failed_position = any (p.batch) then p.failures else 0 end, v_events
      into partition, token, leased_until, failures, events;
      return next;
      return;
    end if;
  end loop;
end
$$;
comment on function dbkit.claim_events(text, text, int, int) is
  'Takes a partition of a consumer group that nobody has, or whose lease has ended, the one that has waited
longest, with its next events, at most p_limit (1 to 10000); no row when there is nothing to do. Commit
before the work: then p_consumer has it for p_lease_seconds (1 to 86400), and extend_lease lengthens that.
partition and token go into ack_events, fail_event, extend_lease and release_partition; failures: how often
one of these events has failed before; events: in order, each stream complete from where it was
acknowledged. Every committed event comes at least once, and again only when a lease ended or an event
failed.
Needs service_role. Raises KD003, KD004, KD507 (not READ COMMITTED, or a replica), KD530.';
grant execute on function dbkit.claim_events(text, text, int, int) to service_role, super_admin;
