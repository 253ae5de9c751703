create table dbkit.api_rate_limits (
  consumer text collate "C" not null check (length(consumer) between 1 and 200),
  call text collate "C" not null check (call ~ '^(\*|[a-z][a-z0-9_]{0,62})$'),
  max_calls int not null check (max_calls between 0 and 1000000000),
  window_seconds int not null check (window_seconds between 1 and 2678400),
  updated_by text not null,
  updated_at timestamptz not null,
  primary key (consumer, call)
);
comment on table dbkit.api_rate_limits is
  'How often a consumer may call: the row that fits best counts (see _rate_limit_of). Written by functions.';
comment on column dbkit.api_rate_limits.consumer is
  'As a gateway names it (key:…, user:…, client:…, ip:…); * is everybody else, each with a count of its own.';
comment on column dbkit.api_rate_limits.call is
  'A call; * is all calls that have no row of their own, counted together.';
grant select on dbkit.api_rate_limits to service_role, super_admin;
