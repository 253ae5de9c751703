create or replace function dbkit.get_query_cache_stats()
returns table (
  query text,
  entries bigint,
  organizations bigint,
  bytes bigint,
  hits bigint,
  computations bigint,
  average_ms double precision,
  slowest_ms double precision,
  oldest_at timestamptz,
  newest_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading figures of cached answers');
  return query
  select d.query, count(c.query), count(distinct c.organization_id), coalesce(sum(pg_column_size(c.data)), 0)::bigint,
    coalesce(sum(c.hits), 0)::bigint, coalesce(sum(c.computations), 0)::bigint, avg(c.duration_ms),
    max(c.duration_ms), min(c.computed_at), max(c.computed_at)
  from dbkit.query_definitions d
  left join dbkit.query_cache c on c.query = d.query
  group by d.query
  order by d.query;
end
$$;
comment on function dbkit.get_query_cache_stats() is
  'What is cached of each query: answers, their bytes, and what they were worth since they are there. hits:
about how often they were used (one of 100 is counted, for 100); computations: how often they were computed, and how
long that took (milliseconds). Needs service_role. Raises KD003.
Nullable: average_ms, slowest_ms, oldest_at, newest_at.';
grant execute on function dbkit.get_query_cache_stats() to service_role, super_admin;
