create or replace function dbkit.log_api_request(
  p_name text,
  p_served_version text,
  p_status_code int,
  p_duration_ms numeric,
  p_requested_version text default null,
  p_fallback boolean default false,
  p_error_code text default null,
  p_ip_address inet default null,
  p_user_agent text default null
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.log_api_requests(jsonb_build_array(
    (dbkit.request_context() - 'api_version') || jsonb_build_object(
      'name', p_name, 'served_version', p_served_version, 'status_code', p_status_code,
      'duration_ms', p_duration_ms, 'requested_version', p_requested_version,
      'fallback', p_fallback, 'error_code', p_error_code, 'ip_address', p_ip_address,
      'user_agent', p_user_agent)));
end
$$;
comment on function dbkit.log_api_request(
  text, text, int, numeric, text, boolean, text, inet, text) is
  'Logs one request; app, client, user and region come from the request context. Duration in
milliseconds. Needs service_role (KD003). For many requests log_api_requests costs far less.';
grant execute on function dbkit.log_api_request(
  text, text, int, numeric, text, boolean, text, inet, text) to service_role, super_admin;
