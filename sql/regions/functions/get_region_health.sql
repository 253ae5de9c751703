-- The one place that turns counts into a status; get_failover_region builds on it.
create or replace function dbkit.get_region_health()
returns table (
  region_id text,
  name text,
  is_primary boolean,
  is_read_replica boolean,
  status text,
  latency_ms int,
  consecutive_failures int,
  last_check_at timestamptz
)
language plpgsql
stable
as $$
begin
  return query
    select r.id, r.name, r.is_primary, r.is_read_replica,
      case
        when r.status <> 'active' then 'inactive'
        when h.region_id is null then 'unknown'
        when h.consecutive_failures >= 3 then 'unhealthy'
        when h.consecutive_failures >= 1 then 'degraded'
        else 'healthy'
      end,
      h.latency_ms, coalesce(h.consecutive_failures, 0), h.last_check_at
    from dbkit.regions r
    left join dbkit.region_health h on h.region_id = r.id
    order by r.is_primary desc, r.priority, r.id;
end
$$;
comment on function dbkit.get_region_health() is
  'How every region is, the primary first. status: healthy; degraded after 1 or 2 failed checks in a
row, unhealthy after 3; unknown when never checked; inactive when an operator took it out.
latency_ms is of the last check that measured any.
Nullable: latency_ms, last_check_at.';
grant execute on function dbkit.get_region_health() to anon, authenticated, service_role, super_admin;
