create or replace function dbkit._trim_query_cache(p_organization_id text, p_query text)
returns bigint
language plpgsql
volatile
as $$
declare
  v_gone bigint;
begin
  delete from dbkit.query_cache c
  where c.ctid = any (array(
    select o.ctid
    from dbkit.query_cache o
    where o.ctid = any (array(
      select x.ctid
      from dbkit.query_cache x
      where x.organization_id = p_organization_id and x.query = p_query
      order by x.expires_at desc
      offset (select d.max_entries from dbkit.query_definitions d where d.query = p_query)))
    for update skip locked));
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;
comment on function dbkit._trim_query_cache(text, text) is
  'Deletes the oldest answers of a query in an organization beyond its max_entries; returns how many.';
