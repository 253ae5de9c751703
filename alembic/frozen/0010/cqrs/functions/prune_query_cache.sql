create or replace function dbkit.prune_query_cache(p_limit int default 10000)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_gone bigint;
  v_trimmed bigint;
begin
  perform dbkit.require_service('pruning cached answers');
  if p_limit between 1 and 1000000 is not true then
    perform dbkit.raise_error('KD004', 'p_limit must be 1 to 1000000', '{"argument": "p_limit"}');
  end if;
  delete from dbkit.query_cache c
  where c.ctid = any (array(
    select o.ctid
    from dbkit.query_cache o
    where o.expires_at <= dbkit.clock()
      or not exists (
        select from dbkit.query_definitions d where d.query = o.query and d.revision = o.revision)
    limit p_limit
    for update of o skip locked));
  get diagnostics v_gone = row_count;
  select coalesce(sum(dbkit._trim_query_cache(o.organization_id, o.query)), 0)::bigint
  into v_trimmed
  from (
    select c.organization_id, c.query
    from dbkit.query_cache c
    join dbkit.query_definitions d on d.query = c.query
    group by c.organization_id, c.query, d.max_entries
    having count(*) > d.max_entries
  ) as o;
  return v_gone + v_trimmed;
end
$$;
comment on function dbkit.prune_query_cache(int) is
  'Deletes cached answers that are too old, at most p_limit (1 to 1000000), and those beyond max_entries of
their query; returns how many. What is out of date for another reason is replaced when it is asked for again.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.prune_query_cache(int) to service_role, super_admin;
