-- One row for each region that was ever checked; no row means that nobody knows.
create table dbkit.region_health (
  region_id text not null references dbkit.regions (id),
  healthy boolean not null,
  latency_ms int check (latency_ms >= 0),
  consecutive_failures int not null default 0,
  last_check_at timestamptz not null,
  last_healthy_at timestamptz,
  constraint region_health_pkey primary key (region_id),
  constraint region_health_failures check
    (consecutive_failures >= 0 and healthy = (consecutive_failures = 0))
) with (fillfactor = 50);
comment on table dbkit.region_health is
  'Outcome of the last health check of each region. Written by update_region_health only.';
comment on column dbkit.region_health.latency_ms is
  'Milliseconds of the last check that measured any.';
comment on column dbkit.region_health.consecutive_failures is
  'Failed checks since the last good one; 3 make a region unhealthy.';
comment on column dbkit.region_health.last_healthy_at is 'Last good check; NULL: never.';
grant select on dbkit.region_health to anon, authenticated, service_role, super_admin;
