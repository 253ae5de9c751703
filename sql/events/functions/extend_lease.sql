-- SKIP LOCKED: who holds the row is acknowledging, in a transaction that may be long. Until that ends
-- nobody can claim the partition, so there is nothing to extend.
create or replace function dbkit.extend_lease(
  p_group text,
  p_partition int,
  p_token bigint,
  p_lease_seconds int default 60
)
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_until timestamptz;
begin
  perform dbkit.require_service('extending a lease');
  perform dbkit._check_lease('-', p_lease_seconds);
  update dbkit.event_consumer_partitions p
  set leased_until = dbkit.clock() + make_interval(secs => p_lease_seconds)
  where (p.group_name, p.partition) = (
    select q.group_name, q.partition
    from dbkit.event_consumer_partitions q
    where q.group_name = p_group and q.partition = p_partition and q.token = p_token
      and q.leased_by is not null
    for update skip locked)
  returning p.leased_until into v_until;
  if v_until is null and not exists (
    select from dbkit.event_consumer_partitions p
    where p.group_name = p_group and p.partition = p_partition and p.token = p_token
      and p.leased_by is not null)
  then
    perform dbkit._raise_lease_lost(p_group, p_partition, p_token);
  end if;
  return v_until;
end
$$;
comment on function dbkit.extend_lease(text, int, bigint, int) is
  'Keeps a claimed partition for p_lease_seconds (1 to 86400) from now, and says until when. NULL while the
batch is being acknowledged in an open transaction: nobody can claim it until that ends.
Needs service_role. Raises KD003, KD004, KD530, KD532.';
grant execute on function dbkit.extend_lease(text, int, bigint, int) to service_role, super_admin;
