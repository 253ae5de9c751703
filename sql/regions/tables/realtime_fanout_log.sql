-- Event kinds belong to the domains that send them, so the check is on their form only. Regions
-- are plain text here: an array cannot reference a table, and a log outlives what it names.
create table dbkit.realtime_fanout_log (
  id bigint generated always as identity primary key,
  event_type text not null check (event_type ~ '^[a-z_]{1,100}$'),
  source_region text not null,
  target_regions text[] not null,
  payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  priority text not null default 'normal' check (priority in ('low', 'normal', 'high')),
  delivery_status jsonb not null default '{}' check (jsonb_typeof(delivery_status) = 'object'),
  created_at timestamptz not null
);
create index idx_fanout_log_time on dbkit.realtime_fanout_log (created_at desc);
comment on table dbkit.realtime_fanout_log is
  'Events that were sent on to other regions, with the delivery to each.';
comment on column dbkit.realtime_fanout_log.event_type is
  'Lower-case letters and underscores. Sent today: order_status, order_created, menu_updated,
store_status, custom.';
comment on column dbkit.realtime_fanout_log.priority is 'low, normal or high.';
comment on column dbkit.realtime_fanout_log.delivery_status is
  'By region: {"eu-west-1": {"success": true, "latencyMs": 120}}.';
grant select on dbkit.realtime_fanout_log to service_role, super_admin;
