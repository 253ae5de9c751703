create or replace function dbkit.get_failover_region(p_region text)
returns text
language plpgsql
stable
as $$
begin
  perform dbkit.require_region(p_region);
  return (
    select h.region_id
    from dbkit.get_region_health() h
    join dbkit.regions r on r.id = h.region_id
    where h.region_id <> p_region
      and h.status in ('healthy', 'degraded', 'unknown')
    order by array_position(array['healthy', 'degraded', 'unknown'], h.status),
      h.latency_ms nulls last, r.priority, r.id
    limit 1
  );
end
$$;
comment on function dbkit.get_failover_region(text) is
  'The region to use when this one is away: active and not unhealthy; healthy before degraded before
unknown, then the lowest latency, then the lowest priority. NULL when there is none. Raises KD301 for
an unknown region.';
grant execute on function dbkit.get_failover_region(text)
to anon, authenticated, service_role, super_admin;
