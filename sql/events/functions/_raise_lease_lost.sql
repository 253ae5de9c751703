create or replace function dbkit._raise_lease_lost(p_group text, p_partition int, p_token bigint)
returns void
language plpgsql
volatile
as $$
declare
  v_group dbkit.event_consumer_groups := dbkit._require_consumer_group(p_group);
begin
  if p_partition between 0 and v_group.partitions - 1 is not true then
    perform dbkit.raise_error('KD531',
      format('the partitions of %s are 0 to %s', p_group, v_group.partitions - 1),
      jsonb_build_object('argument', 'p_partition', 'partitions', v_group.partitions));
  end if;
  perform dbkit.raise_error('KD532',
    format('the lease of partition %s of %s has ended, and somebody else may have it', p_partition, p_group),
    jsonb_build_object('group', p_group, 'partition', p_partition, 'token', p_token),
    'Roll back what you made of its events, and claim again; extend_lease in time keeps a lease.');
end
$$;
comment on function dbkit._raise_lease_lost(text, int, bigint) is
  'Raises KD532; KD530 and KD531 where there is no such group or partition.';
