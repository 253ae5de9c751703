create or replace function dbkit.create_snapshot(p_aggregate_type text, p_aggregate_id text)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit._require_stream_access(p_aggregate_type);
  return dbkit._write_snapshot(dbkit.current_organization(), p_aggregate_type, p_aggregate_id);
end
$$;
comment on function dbkit.create_snapshot(text, text) is
  'Keeps the state of a stream of the caller''s organization at its newest version, so that later reads
fold fewer events, and returns that version. Does nothing when it is kept already. No append waits for it.
run_snapshots does this for all streams where it is due. Raises KD003 (kept for the service), KD502 (no such stream), KD509 (no applier),
KD508 (the applier returned a null of SQL), and what the applier raises.';
grant execute on function dbkit.create_snapshot(text, text) to authenticated, service_role, super_admin;
