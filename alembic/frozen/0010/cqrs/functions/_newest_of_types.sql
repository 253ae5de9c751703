-- The newest of each type by one look into the index (organization, type, position), not "any after it": for
-- that a planner may go through all that was appended since, of all types.
create or replace function dbkit._newest_of_types(p_organization_id text, p_event_types text[])
returns bigint
language plpgsql
stable
as $$
begin
  if '*' = any (p_event_types) then
    return (select max(e.position) from dbkit.event_store e);
  end if;
  return (
    select max(n.position)
    from unnest(p_event_types) as t (event_type)
    cross join lateral (
      select e.position
      from dbkit.event_store e
      where e.organization_id = p_organization_id and e.event_type = t.event_type
      order by e.position desc limit 1
    ) as n);
end
$$;
comment on function dbkit._newest_of_types(text, text[]) is
  'Position of the newest event of these types in an organization ({*}: of all); NULL when there is none.';
