-- It starts at safe_position and not at the newest event: an append that is open now may commit below
-- that, and a group that reads from now on has to get it.
create or replace function dbkit.register_consumer_group(
  p_group text,
  p_partitions int default 8,
  p_event_types text[] default null,
  p_aggregate_types text[] default null,
  p_organization_id text default null,
  p_poison_policy text default 'halt',
  p_max_failures int default 5,
  p_from_position bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_group dbkit.event_consumer_groups;
  v_position bigint;
  v_is_new boolean;
begin
  perform dbkit.require_service('registering a consumer group');
  perform dbkit._check_consumer_group(p_group, p_partitions, p_event_types, p_aggregate_types,
    p_poison_policy, p_max_failures);
  v_position := coalesce(p_from_position, dbkit.safe_position());
  perform dbkit._check_group_position('p_from_position', v_position);
  insert into dbkit.event_consumer_groups as g (group_name, partitions, event_types, aggregate_types,
    organization_id, poison_policy, max_failures, registered_at, registered_by)
  values (p_group, p_partitions, p_event_types, p_aggregate_types, p_organization_id, p_poison_policy,
    p_max_failures, dbkit.clock(), dbkit.caller_role())
  on conflict (group_name) do update
  set event_types = excluded.event_types, aggregate_types = excluded.aggregate_types,
    organization_id = excluded.organization_id, poison_policy = excluded.poison_policy,
    max_failures = excluded.max_failures, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by
  returning g.* into v_group;
  if v_group.partitions <> p_partitions then
    perform dbkit.raise_error('KD531',
      format('the group %s has %s partitions, and they are fixed', p_group, v_group.partitions),
      jsonb_build_object('argument', 'p_partitions', 'partitions', v_group.partitions),
      'Keep the number, or register a group of another name and begin it where this one is.');
  end if;
  insert into dbkit.event_consumer_partitions (group_name, partition, position)
  select p_group, n, v_position
  from generate_series(0, p_partitions - 1) as n
  on conflict do nothing;
  v_is_new := found;
  return jsonb_build_object('group', p_group, 'partitions', p_partitions, 'created', v_is_new,
    'position', (select min(p.position) from dbkit.event_consumer_partitions p where p.group_name = p_group));
end
$$;
comment on function dbkit.register_consumer_group(text, int, text[], text[], text, text, int, bigint) is
  'Registers programs that share the events of all streams among them: claim_events. Again with other values
it changes them, for what is read from then on; p_partitions is fixed, and p_from_position is of the first
call. p_partitions (1 to 256): how many programs can work at a time; each stream is in one partition, by a
hash. Filters, NULL for all: event types, aggregate types, one organization.
p_poison_policy, once an event has failed p_max_failures times: halt (its partition waits for
resume_consumer_group), block (its stream waits for unblock_stream, the others go on) or dead_letter (it is
put into event_dead_letters, and its stream goes on).
p_from_position: NULL from now on, 0 all there is.
Returns {group text, partitions int, created boolean, position bigint}.
Needs service_role. Raises KD003, KD507, KD531.';
grant execute on function dbkit.register_consumer_group(text, int, text[], text[], text, text, int, bigint)
to service_role, super_admin;
