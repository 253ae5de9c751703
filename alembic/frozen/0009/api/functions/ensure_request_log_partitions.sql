create or replace function dbkit.ensure_request_log_partitions()
returns int
language plpgsql
volatile
as $$
begin
  return dbkit.ensure_day_partitions('dbkit.api_request_log', 14);
end
$$;
comment on function dbkit.ensure_request_log_partitions() is
  'Makes the missing days of api_request_log, up to 14 days ahead. Returns how many. A task of workers.
Needs service_role. Raises KD003.';
grant execute on function dbkit.ensure_request_log_partitions() to service_role, super_admin;
