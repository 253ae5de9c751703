create or replace function dbkit._check_consumer_group(
  p_group text,
  p_partitions int,
  p_event_types text[],
  p_aggregate_types text[],
  p_poison_policy text,
  p_max_failures int
)
returns void
language plpgsql
volatile
as $$
declare
  v_problem text := case
    when length(p_group) between 1 and 100 is not true then 'p_group must have 1 to 100 characters'
    when p_partitions between 1 and 256 is not true then 'p_partitions must be 1 to 256'
    when cardinality(p_event_types) = 0 or array_ndims(p_event_types) > 1
      or array_position(p_event_types, null) is not null
      then 'p_event_types must name one or more types, or be NULL for all'
    when cardinality(p_aggregate_types) = 0 or array_ndims(p_aggregate_types) > 1
      or array_position(p_aggregate_types, null) is not null
      then 'p_aggregate_types must name one or more types, or be NULL for all'
    when p_poison_policy in ('block', 'dead_letter', 'halt') is not true
      then 'p_poison_policy must be block, dead_letter or halt'
    when p_max_failures between 1 and 1000 is not true then 'p_max_failures must be 1 to 1000'
  end;
begin
  if v_problem is not null then
    perform dbkit.raise_error('KD531', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
end
$$;
comment on function dbkit._check_consumer_group(text, int, text[], text[], text, int) is
  'Raises KD531 for what a consumer group cannot be.';
