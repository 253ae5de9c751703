create or replace function dbkit._without_blocked_streams(p_group text, p_positions bigint[])
returns bigint[]
language plpgsql
stable
as $$
begin
  return nullif(array(
    select e.position
    from dbkit.event_store e
    where e.position = any (p_positions)
      and not exists (
        select from dbkit.event_consumer_blocked_streams b
        where b.group_name = p_group and b.organization_id = e.organization_id
          and b.aggregate_type = e.aggregate_type and b.aggregate_id = e.aggregate_id)
    order by e.position), '{}');
end
$$;
comment on function dbkit._without_blocked_streams(text, bigint[]) is
  'Those positions whose streams a consumer group does not hold back; NULL when there is none.';
