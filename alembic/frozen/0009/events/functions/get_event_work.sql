-- VOLATILE, because safe_position is; it is asked only when there is something new at all.
create or replace function dbkit.get_event_work()
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_newest bigint := dbkit._newest_position();
  v_fanned_out bigint;
  v_projections text[];
  v_safe bigint := v_newest;
begin
  v_fanned_out := coalesce((
    select c.position from dbkit.event_reader_checkpoints c where c.reader = 'dbkit.webhooks'), 0);
  if v_newest > v_fanned_out or exists (
    select
    from dbkit.event_projection_definitions d
    join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
    where d.mode = 'async' and c.position < v_newest or d.mode = 'inline' and not d.is_live)
  then
    v_safe := dbkit.safe_position();
    v_projections := array(
      select d.projection
      from dbkit.event_projection_definitions d
      join dbkit.event_projection_checkpoints c on c.projection = d.projection
        and c.generation = d.live_generation
      where (d.mode = 'async' and c.position < v_safe or d.mode = 'inline' and not d.is_live)
        and (c.failed_position is null
          or c.updated_at <= v_now - make_interval(secs => least(2 ^ least(c.failures, 9), 300)))
      order by d.projection);
  end if;
  return jsonb_build_object('fan_out', v_safe > v_fanned_out,
    'deliveries_due_at', (
      select q.due_at
      from dbkit.event_delivery_queues q
      where q.is_active and q.due_at < 'infinity'
      order by q.due_at
      limit 1),
    'projections', coalesce(to_jsonb(v_projections), '[]'),
    'snapshots', exists (select from dbkit.event_snapshot_requests),
    'tasks', (
      select coalesce(jsonb_agg(t.task order by t.next_run_at), '[]')
      from dbkit.worker_tasks t
      where t.next_run_at <= v_now),
    'newest_position', v_newest);
end
$$;
comment on function dbkit.get_event_work() is
  'What there is to do for a worker, for a look that costs little. fan_out: queue_event_for_webhooks
has events to look at; deliveries_due_at: when claim_deliveries has something next, at the earliest;
projections: those that run_projection would bring on (one that is stopped by an event again after 2
seconds, doubling to 300); snapshots: run_snapshots has requests; tasks: which worker tasks are due;
newest_position: of all events.
Returns {fan_out boolean, deliveries_due_at timestamptz?, projections text[], snapshots boolean, tasks text[], newest_position bigint}.
Needs service_role. Raises KD003, KD507 (not READ COMMITTED, or a replica).';
grant execute on function dbkit.get_event_work() to service_role, super_admin;
