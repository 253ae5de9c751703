-- Times never go back within a stream, so the version of a time is found by halving: 14 looks at the
-- primary key in a stream of 10,000 events.
create or replace function dbkit._target_version(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_at_version bigint,
  p_at_time timestamptz
)
returns bigint
language plpgsql
stable
as $$
declare
  v_head bigint;
  v_last_event_at timestamptz;
  v_low bigint := 0::bigint;
  v_high bigint;
  v_middle bigint;
begin
  select s.version, s.last_event_at
  into v_head, v_last_event_at
  from dbkit.event_streams s
  where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id and s.version > 0;
  if not found then
    perform dbkit.raise_error('KD502', format('there is no stream %s/%s', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id),
      'A stream begins with its first event.');
  elsif p_at_version is not null and p_at_time is not null then
    perform dbkit.raise_error('KD004', 'a state is asked for as of a version or as of a time, not both',
      '{"argument": "p_at_time"}', 'Give one of the two.');
  elsif p_at_version not between 0 and v_head then
    perform dbkit.raise_error('KD004', format('the stream %s/%s has versions 0 to %s, and not %s', p_aggregate_type,
        p_aggregate_id, v_head, p_at_version),
      jsonb_build_object('argument', 'version', 'version', p_at_version, 'actual_version', v_head),
      'Version 0 is the state before the first event.');
  elsif p_at_version is not null then
    return p_at_version;
  elsif p_at_time is null or p_at_time >= v_last_event_at then
    return v_head;
  end if;
  v_high := v_head;
  while v_low < v_high loop
    v_middle := (v_low + v_high + 1) / 2;
    if (select e.created_at <= p_at_time from dbkit.event_store e
      where e.organization_id = p_organization_id and e.aggregate_type = p_aggregate_type
        and e.aggregate_id = p_aggregate_id and e.version = v_middle)
    then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end
$$;
comment on function dbkit._target_version(text, text, text, bigint, timestamptz) is
  'The version of a stream that is meant: that one, the newest not after a time (0 before the first event),
or the newest. Raises KD502, KD004.';
grant execute on function dbkit._target_version(text, text, text, bigint, timestamptz)
to authenticated, service_role, super_admin;
