create table dbkit.api_usage_watermark (
  id int primary key default 1 check (id = 1),
  rolled_up_from date not null
);
comment on table dbkit.api_usage_watermark is
  'Singleton: days before this one are closed; this day and later ones are counted anew each time.';
grant select on dbkit.api_usage_watermark to service_role, super_admin;
