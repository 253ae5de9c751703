create or replace function dbkit._leased_partition(p_group text, p_partition int, p_token bigint)
returns dbkit.event_consumer_partitions
language plpgsql
volatile
as $$
declare
  v_own dbkit.event_consumer_partitions;
begin
  select p.* into v_own
  from dbkit.event_consumer_partitions p
  where p.group_name = p_group and p.partition = p_partition
  for update;
  if v_own.token = p_token and v_own.leased_by is not null then
    return v_own;
  end if;
  perform dbkit._raise_lease_lost(p_group, p_partition, p_token);
  return null;
end
$$;
comment on function dbkit._leased_partition(text, int, bigint) is
  'A partition that is leased under this token, locked; else KD530, KD531 or KD532.';
