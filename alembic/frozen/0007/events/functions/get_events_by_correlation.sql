create or replace function dbkit.get_events_by_correlation(p_correlation_id text, p_limit int default 1000)
returns setof dbkit.event_store
language plpgsql
stable
as $$
begin
  perform dbkit._check_page(p_limit);
  return query
  select e.* from dbkit.events e
  where e.organization_id = (select dbkit.current_organization()) and e.correlation_id = p_correlation_id
  order by e.position limit p_limit;
end
$$;
comment on function dbkit.get_events_by_correlation(text, int) is
  'All that one request or process led to: the events of a correlation_id in the caller''s organization,
oldest first, at most p_limit (1 to 10000); causation_id tells which led to which.
Raises KD004.
Nullable: causation_id, actor_id, hash.';
grant execute on function dbkit.get_events_by_correlation(text, int)
to authenticated, service_role, super_admin;
