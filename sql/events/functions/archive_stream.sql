create or replace function dbkit.archive_stream(p_aggregate_type text, p_aggregate_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('archiving a stream');
  return dbkit._set_archived(p_aggregate_type, p_aggregate_id, true);
end
$$;
comment on function dbkit.archive_stream(text, text) is
  'Closes a stream of the caller''s organization: appending raises KD503, while reads, rebuilds and
verification go on. Its snapshots are deleted; they can be made again. Doing it again changes nothing.
restore_stream opens it.
Returns {version bigint, archived_at timestamptz, changed boolean}.
Needs service_role. Raises KD003, KD502.';
grant execute on function dbkit.archive_stream(text, text) to service_role, super_admin;
