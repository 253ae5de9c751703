create or replace function dbkit.restore_stream(p_aggregate_type text, p_aggregate_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('restoring a stream');
  return dbkit._set_archived(p_aggregate_type, p_aggregate_id, false);
end
$$;
comment on function dbkit.restore_stream(text, text) is
  'Opens an archived stream of the caller''s organization for appends again. Doing it again changes nothing.
Returns {version bigint, archived_at timestamptz?, changed boolean}.
Needs service_role. Raises KD003, KD502.';
grant execute on function dbkit.restore_stream(text, text) to service_role, super_admin;
