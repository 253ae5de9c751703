-- Takes no entry from the caller, only what the router knows: the log cannot be forged through it.
create or replace function dbkit._log_own_call(p_meta jsonb, p_duration_ms numeric)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit._append_request_log(jsonb_build_array(
    (coalesce(dbkit.request_context(), '{}') - 'api_version') || jsonb_build_object(
      'name', p_meta -> 'rpc', 'requested_version', p_meta -> 'requested_version',
      'served_version', p_meta -> 'version', 'fallback', p_meta -> 'fallback',
      'status_code', 200, 'duration_ms', p_duration_ms)));
end
$$;
comment on function dbkit._log_own_call(jsonb, numeric) is
  'Logs the running call for sessions with dbkit.log_calls on. Duration in milliseconds.';
grant execute on function dbkit._log_own_call(jsonb, numeric)
to anon, authenticated, service_role, super_admin;
