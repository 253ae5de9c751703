create or replace function dbkit.get_events(
  p_aggregate_type text,
  p_aggregate_id text,
  p_from_version bigint default 1,
  p_to_version bigint default null,
  p_limit int default 1000,
  p_direction text default 'forward'
)
returns setof dbkit.event_store
language plpgsql
stable
as $$
begin
  perform dbkit._check_page(p_limit);
  if p_direction = 'forward' then
    return query
    select e.* from dbkit.events e
    where e.organization_id = (select dbkit.current_organization())
      and e.aggregate_type = p_aggregate_type and e.aggregate_id = p_aggregate_id
      and e.version >= coalesce(p_from_version, 1)
      and e.version <= coalesce(p_to_version, 9223372036854775807)
    order by e.version limit p_limit;
  elsif p_direction = 'backward' then
    return query
    select e.* from dbkit.events e
    where e.organization_id = (select dbkit.current_organization())
      and e.aggregate_type = p_aggregate_type and e.aggregate_id = p_aggregate_id
      and e.version >= coalesce(p_from_version, 1)
      and e.version <= coalesce(p_to_version, 9223372036854775807)
    order by e.version desc limit p_limit;
  else
    perform dbkit.raise_error('KD004', format('the direction "%s" is unknown', p_direction),
      '{"argument": "p_direction"}', 'Use forward or backward.');
  end if;
end
$$;
comment on function dbkit.get_events(text, text, bigint, bigint, int, text) is
  'The events of one stream of the caller''s organization from version p_from_version to p_to_version (NULL:
the newest), both included, at most p_limit (1 to 10000); p_direction forward or backward (newest first).
Empty for a stream that is not there. Each event is brought to its newest schema version.
Raises KD004.
Nullable: correlation_id, causation_id, actor_id, hash.';
grant execute on function dbkit.get_events(text, text, bigint, bigint, int, text)
to authenticated, service_role, super_admin;
