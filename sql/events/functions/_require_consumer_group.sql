create or replace function dbkit._require_consumer_group(p_group text)
returns dbkit.event_consumer_groups
language plpgsql
stable
as $$
declare
  v_group dbkit.event_consumer_groups;
begin
  select g.* into v_group from dbkit.event_consumer_groups g where g.group_name = p_group;
  if not found then
    perform dbkit.raise_error('KD530', format('there is no consumer group %s', p_group),
      jsonb_build_object('group', p_group), 'register_consumer_group registers one.');
  end if;
  return v_group;
end
$$;
comment on function dbkit._require_consumer_group(text) is
  'What is registered of a consumer group, or KD530.';
