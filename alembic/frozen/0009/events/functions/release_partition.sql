create or replace function dbkit.release_partition(p_group text, p_partition int, p_token bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('giving a partition back');
  perform dbkit._leased_partition(p_group, p_partition, p_token);
  update dbkit.event_consumer_partitions p
  set leased_by = null, leased_until = null, batch = null, lost_leases = 0
  where p.group_name = p_group and p.partition = p_partition;
end
$$;
comment on function dbkit.release_partition(text, int, bigint) is
  'Gives a claimed partition back, for a program that ends: what is not acknowledged can be claimed at once,
and nothing is counted as a failure.
Needs service_role. Raises KD003, KD530, KD532.';
grant execute on function dbkit.release_partition(text, int, bigint) to service_role, super_admin;
