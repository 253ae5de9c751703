-- Histograms can be added up, percentiles cannot: so counts of log buckets are what is kept. A value v lies
-- in bucket ceil(log(v) / log(1.05)); told by its middle, no value is off by more than 2.44 %.
create table dbkit.metric_rollups (
  level int not null check (level in (60, 3600, 86400)),
  event_type text collate "C" not null,
  bucket timestamptz not null,
  series text collate "C" not null,
  organization_id text collate "C" not null,
  samples bigint not null,
  failures bigint not null,
  measured bigint not null,
  zeros bigint not null,
  total double precision not null,
  least_value double precision,
  greatest_value double precision,
  first_index int,
  histogram int[] not null default '{}',
  primary key (level, event_type, bucket, series, organization_id)
);
create index metric_rollups_series on dbkit.metric_rollups (level, event_type, series, bucket);
comment on table dbkit.metric_rollups is
  'Counts and histograms of runtime_metrics by minute, hour and day (UTC).';
comment on column dbkit.metric_rollups.level is 'Seconds of the bucket: 60, 3600 or 86400.';
comment on column dbkit.metric_rollups.series is
  'Value of the type''s series_key (200 characters; empty where missing); ''*'' is all series together.';
comment on column dbkit.metric_rollups.failures is 'Samples with a status of 500 or above.';
comment on column dbkit.metric_rollups.measured is 'Samples with a value; zeros of these are below 0.000001.';
comment on column dbkit.metric_rollups.first_index is
  'Log bucket of the histogram''s first count; NULL when it is empty.';
comment on column dbkit.metric_rollups.histogram is
  'Counts of log buckets from first_index on: bucket i holds values of 1.05^(i-1) to 1.05^i.';
grant select on dbkit.metric_rollups to service_role, super_admin;
