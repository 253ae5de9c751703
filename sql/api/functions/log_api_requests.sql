create or replace function dbkit.log_api_requests(p_entries jsonb)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_unknown text;
  v_columns constant text[] := array['request_id', 'name', 'requested_version', 'served_version',
    'fallback', 'status_code', 'error_code', 'duration_ms', 'caller_role', 'app_name', 'app_version',
    'client_id', 'user_id', 'organization_id', 'region', 'ip_address', 'user_agent',
    'ip_hash'];
begin
  perform dbkit.require_service('logging requests');
  if jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) > 10000 then
    perform dbkit.raise_error('KD004', 'p_entries must be a JSON array of at most 10000 objects',
      '{"argument": "p_entries"}');
  end if;
  if exists (select from jsonb_array_elements(p_entries) as e where jsonb_typeof(e) <> 'object') then
    perform dbkit.raise_error('KD004', 'every log entry must be a JSON object',
      '{"argument": "p_entries"}', 'For example [{"name": "x", "status_code": 200, "duration_ms": 1.5}].');
  end if;
  select k into v_unknown
  from jsonb_array_elements(p_entries) as e
  cross join lateral jsonb_object_keys(e) as k
  where k <> all (v_columns)
  limit 1;
  if v_unknown is not null then
    perform dbkit.raise_error('KD004', format('unknown key "%s" in a log entry', v_unknown),
      jsonb_build_object('key', v_unknown, 'known', v_columns));
  end if;
  return dbkit._append_request_log(p_entries);
exception
  when data_exception or integrity_constraint_violation then
    perform dbkit.raise_error('KD004', 'a log entry has a value that cannot be logged: ' || sqlerrm,
      jsonb_build_object('argument', 'p_entries', 'sqlstate', sqlstate),
      'name, status_code (100 to 599) and duration_ms (0 or more) are needed.');
    return null;
end
$$;
comment on function dbkit.log_api_requests(jsonb) is
  'Logs many requests at once: a JSON array of objects with the columns of api_request_log as keys (name,
status_code and duration_ms are needed; milliseconds). All or none. Returns how many.
Needs service_role (KD003); KD004 for another shape, an unknown key or a value that does not fit.';
grant execute on function dbkit.log_api_requests(jsonb) to service_role, super_admin;
