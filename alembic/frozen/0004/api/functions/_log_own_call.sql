-- Callers may execute it, since the router runs with their rights. So it takes no entry from them, only
-- the meta object of a route that there is: calls and versions in the log cannot be made up.
create or replace function dbkit._log_own_call(p_meta jsonb, p_duration_ms numeric)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  if not exists (
    select from dbkit.api_routes where name = p_meta ->> 'rpc' and meta = p_meta
  ) then
    perform dbkit.raise_error('KD003', 'only the router may log its calls',
      jsonb_build_object('meta', p_meta), 'A service logs with log_api_requests.');
  end if;
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
