create table dbkit.region_sync_status (
  source_region text not null references dbkit.regions (id),
  target_region text not null references dbkit.regions (id),
  lag_ms bigint check (lag_ms >= 0),
  lag_bytes bigint check (lag_bytes >= 0),
  measured_at timestamptz not null,
  constraint region_sync_status_pkey primary key (source_region, target_region),
  constraint region_sync_status_two_regions check (source_region <> target_region)
);
comment on table dbkit.region_sync_status is
  'How far each target region''s copy was behind its source when last measured.';
comment on column dbkit.region_sync_status.lag_ms is
  'Milliseconds behind; NULL: the target could not be measured.';
comment on column dbkit.region_sync_status.lag_bytes is
  'Bytes of WAL behind; NULL: the target could not be measured.';
grant select on dbkit.region_sync_status to service_role, super_admin;
