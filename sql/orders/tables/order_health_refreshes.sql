-- One row. A time inside the view would make every refresh rewrite every row of it.
create table dbkit.order_health_refreshes (
  is_only boolean primary key default true check (is_only),
  refreshed_at timestamptz not null,
  took_ms numeric(12, 1) not null check (took_ms >= 0),
  view_rows int not null check (view_rows >= 0)
);
comment on table dbkit.order_health_refreshes is
  'When mv_order_health was last refreshed by refresh_order_health: one row, or none before the first time.';
comment on column dbkit.order_health_refreshes.refreshed_at is 'Begin of the refresh: orders are as of then.';
grant select on dbkit.order_health_refreshes to service_role, super_admin;
