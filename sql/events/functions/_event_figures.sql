-- Lag is told in positions, from counters that are kept anyway: nothing here reads events.
create or replace function dbkit._event_figures()
returns table (figure text, labels jsonb, value double precision, help text)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_newest bigint := coalesce((select max(e.position) from dbkit.event_store e), 0);
begin
  perform dbkit.require_service('reading figures');
  return query
  select 'events_newest_position', '{}'::jsonb, v_newest::float8, 'Position of the newest event.'
  union all
  select 'events_reader_lag_positions', jsonb_build_object('reader', c.reader), (v_newest - c.position)::float8,
    'How far a reader of all events is behind.'
  from dbkit.event_reader_checkpoints c
  union all
  select 'events_projection_lag_positions', jsonb_build_object('projection', d.projection),
    greatest(v_newest - c.position, 0)::float8, 'How far a projection that workers bring on is behind.'
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.mode = 'async'
  union all
  select 'events_group_lag_positions', jsonb_build_object('group', p.group_name),
    (v_newest - min(p.position))::float8, 'How far the last partition of a consumer group is behind.'
  from dbkit.event_consumer_partitions p group by p.group_name
  union all
  select 'webhooks_in_flight', '{}', coalesce(sum(q.in_flight), 0)::float8, 'Deliveries that are leased.'
  from dbkit.event_delivery_queues q
  union all
  select 'webhooks_overdue_seconds', '{}',
    coalesce(greatest(extract(epoch from dbkit.clock() - min(q.due_at)), 0), 0)::float8,
    'How long a delivery that is due has waited to be claimed.'
  from dbkit.event_delivery_queues q where q.is_active and q.due_at < 'infinity'
  union all
  select 'webhooks_failing_endpoints', '{}', count(*)::float8, 'Active endpoints whose last request failed.'
  from dbkit.event_delivery_queues q where q.is_active and q.failing_since is not null
  union all
  select 'dead_letters_open', '{}', count(*)::float8, 'Dead letters that wait for a decision.'
  from dbkit.event_dead_letters l where l.status = 'open';
end
$$;
comment on function dbkit._event_figures() is 'Figures of module events, for get_platform_figures.';
grant execute on function dbkit._event_figures() to service_role, super_admin;
