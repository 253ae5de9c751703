-- 5 s is the promise on replication lag.
create or replace function dbkit.get_region_sync_status()
returns table (
  source_region text,
  target_region text,
  status text,
  lag_ms bigint,
  lag_bytes bigint,
  measured_at timestamptz
)
language plpgsql
stable
as $$
begin
  return query
    select s.source_region, s.target_region,
      case when s.lag_ms is null then 'unknown' when s.lag_ms >= 5000 then 'lagging' else 'in_sync' end,
      s.lag_ms, s.lag_bytes, s.measured_at
    from dbkit.region_sync_status s
    order by s.source_region, s.target_region;
end
$$;
comment on function dbkit.get_region_sync_status() is
  'Replication lag between regions as last reported, in milliseconds and bytes. status: in_sync, lagging
from 5000 ms on, unknown when it could not be measured. measured_at says how old that is.
Nullable: lag_ms, lag_bytes.';
grant execute on function dbkit.get_region_sync_status() to service_role, super_admin;
