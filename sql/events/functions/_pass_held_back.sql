create or replace function dbkit._pass_held_back(p_group text, p_position bigint)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_consumer_blocked_streams b
  set version = e.version + 1
  from dbkit.event_store e
  where e.position = p_position and b.group_name = p_group and b.organization_id = e.organization_id
    and b.aggregate_type = e.aggregate_type and b.aggregate_id = e.aggregate_id;
end
$$;
comment on function dbkit._pass_held_back(text, bigint) is
  'The group is done with an event of a stream that it holds back, and with all before it.';
