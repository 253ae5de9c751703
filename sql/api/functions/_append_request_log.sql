-- A missing partition is made on the spot, so that logging goes on where maintenance was forgotten.
create or replace function dbkit._append_request_log(p_entries jsonb)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_count int;
begin
  if to_regclass('dbkit.api_request_log_' || to_char(v_now at time zone 'UTC', 'YYYYMMDD')) is null then
    perform dbkit._make_day_partitions('dbkit.api_request_log', 1);
  end if;
  insert into dbkit.api_request_log (logged_at, request_id, name, requested_version, served_version,
    fallback, status_code, error_code, duration_ms, caller_role, app_name, app_version, client_id,
    user_id, organization_id, region, ip_address, user_agent, ip_hash)
  select v_now, request_id, name, requested_version, served_version, coalesce(fallback, false),
    status_code, error_code, duration_ms, coalesce(caller_role, dbkit.caller_role()), app_name,
    app_version, client_id, user_id, organization_id, region, ip_address, left(user_agent, 500),
    left(ip_hash, 128)
  from jsonb_to_recordset(p_entries) as e (request_id text, name text, requested_version text,
    served_version text, fallback boolean, status_code int, error_code text, duration_ms numeric,
    caller_role text, app_name text, app_version text, client_id text, user_id text,
    organization_id text, region text, ip_address inet, user_agent text, ip_hash text);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function dbkit._append_request_log(jsonb) is
  'Inserts log entries; their keys are the columns of api_request_log. Returns how many.';
