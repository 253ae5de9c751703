-- Append only, and off the calls' own transactions: whoever holds the outcome writes it in batches.
-- No index beside the key: the daily roll-up scans a day, and every index costs each row written.
create table dbkit.api_request_log (
  id bigint generated always as identity,
  logged_at timestamptz not null default clock_timestamp(),
  request_id text,
  name text not null,
  requested_version text,
  served_version text,
  fallback boolean not null default false,
  status_code int not null check (status_code between 100 and 599),
  error_code text,
  duration_ms numeric(12, 3) not null check (duration_ms >= 0 and duration_ms < 'NaN'),
  caller_role text,
  app_name text,
  app_version text,
  client_id text,
  user_id text,
  organization_id text,
  region text,
  ip_address inet,
  user_agent text,
  ip_hash text,
  primary key (logged_at, id)
) partition by range (logged_at);
comment on table dbkit.api_request_log is
  'One row a request, kept in day partitions (UTC); see ensure_day_partitions.';
comment on column dbkit.api_request_log.logged_at is 'The database''s clock when the row was written.';
comment on column dbkit.api_request_log.duration_ms is 'Milliseconds, as the writer measured them.';
comment on column dbkit.api_request_log.ip_hash is
  'A keyed hash of the address, where the gateway is told to keep no addresses.';
grant select on dbkit.api_request_log to service_role, super_admin;
