-- Requests are locked while their snapshots are made, and touched at the very end only: an append that
-- asks for the same stream meanwhile finds its request there, and waits for nobody. One that fails goes
-- to the end of the queue, so that no number of them keeps others waiting.
create or replace function dbkit.run_snapshots(p_limit int default 100)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_request dbkit.event_snapshot_requests;
  v_made dbkit.event_snapshot_requests[] := array[]::dbkit.event_snapshot_requests[];
  v_failed dbkit.event_snapshot_requests[] := array[]::dbkit.event_snapshot_requests[];
  v_errors jsonb := '[]'::jsonb;
begin
  perform dbkit.require_service('making snapshots');
  perform dbkit._check_page(p_limit);
  for v_request in
    select r.* from dbkit.event_snapshot_requests r
    order by r.requested_at, r.organization_id, r.aggregate_type, r.aggregate_id
    limit p_limit
    for update skip locked
  loop
    begin
      perform dbkit._write_snapshot(v_request.organization_id, v_request.aggregate_type, v_request.aggregate_id);
      v_made := v_made || v_request;
    exception when others then
      v_failed := v_failed || v_request;
      v_errors := v_errors || jsonb_build_object('organization_id', v_request.organization_id,
        'aggregate_type', v_request.aggregate_type, 'aggregate_id', v_request.aggregate_id,
        'sqlstate', sqlstate, 'message', sqlerrm);
    end;
  end loop;
  delete from dbkit.event_snapshot_requests r
  using unnest(v_made) as m
  where r.organization_id = m.organization_id and r.aggregate_type = m.aggregate_type
    and r.aggregate_id = m.aggregate_id;
  update dbkit.event_snapshot_requests r
  set requested_at = dbkit.clock()
  from unnest(v_failed) as m
  where r.organization_id = m.organization_id and r.aggregate_type = m.aggregate_type
    and r.aggregate_id = m.aggregate_id;
  return jsonb_build_object('made', cardinality(v_made), 'failed', cardinality(v_failed), 'errors', v_errors);
end
$$;
comment on function dbkit.run_snapshots(int) is
  'Makes the snapshots that appends have asked for (configure_aggregate says how often), in all
organizations, at most p_limit (1 to 10000), the longest waiting first; several can run at once. One that
fails does not stop the others: it stays asked for, and errors tells why.
Returns {made int, failed int, errors {organization_id text, aggregate_type text, aggregate_id text, sqlstate text, message text}[]}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.run_snapshots(int) to service_role, super_admin;
