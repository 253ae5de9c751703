create or replace function dbkit.get_events_by_type(
  p_event_type text,
  p_after_position bigint default 0,
  p_limit int default 1000
)
returns setof dbkit.event_store
language plpgsql
volatile
as $$
declare
  v_up_to bigint;
begin
  perform dbkit._check_page(p_limit);
  v_up_to := dbkit.safe_position();
  return query
  select e.* from dbkit.events e
  where e.organization_id = (select dbkit.current_organization()) and e.event_type = p_event_type
    and e.position > p_after_position and e.position <= v_up_to
  order by e.position limit p_limit;
end
$$;
comment on function dbkit.get_events_by_type(text, bigint, int) is
  'Events of one type in all streams of the caller''s organization after p_after_position, oldest first, at
most p_limit (1 to 10000). To go on, pass the position of the last row: none is missed, as in read_all.
Raises KD004, KD507 (not READ COMMITTED, or a replica).
Nullable: correlation_id, causation_id, actor_id, hash.';
grant execute on function dbkit.get_events_by_type(text, bigint, int)
to authenticated, service_role, super_admin;
