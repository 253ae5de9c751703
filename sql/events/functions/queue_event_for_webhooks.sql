-- The row of the checkpoint makes one fan-out run at a time, so an event is queued once and in order.
-- VOLATILE, and the order matters: checkpoint, safe position, then (in statements of their own) the rest. A
-- subscription that is made meanwhile begins after what can be read then, so it misses nothing.
create or replace function dbkit.queue_event_for_webhooks(p_limit int default 1000)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_from bigint;
  v_safe bigint;
  v_first bigint;
  v_made record;
  v_events int := 0;
  v_deliveries int := 0;
  v_to bigint;
begin
  perform dbkit.require_service('queueing events for webhooks');
  perform dbkit._check_page(p_limit);
  insert into dbkit.event_reader_checkpoints (reader, position, updated_at)
  select 'dbkit.webhooks', 0, dbkit.clock()
  where not exists (select from dbkit.event_reader_checkpoints c where c.reader = 'dbkit.webhooks')
  on conflict do nothing;
  select c.position
  into v_from
  from dbkit.event_reader_checkpoints c
  where c.reader = 'dbkit.webhooks'
  for update skip locked;
  if not found then
    return jsonb_build_object('events', 0, 'deliveries', 0, 'position', null, 'lag', null, 'busy', true);
  end if;
  v_safe := greatest(dbkit.safe_position(), v_from);
  select min(s.start_position)
  into v_first
  from dbkit.event_subscriptions s
  where s.status in ('active', 'paused');
  v_to := greatest(v_from, least(v_first, v_safe));
  if v_to < v_safe then
    select m.*
    into v_made
    from dbkit._match_events(v_to, v_safe, p_limit) as m;
    perform dbkit._finish_queueing(v_made.positions, v_made.organization_ids, v_made.subscription_ids,
      v_made.stream_organization_ids, v_made.stream_subscription_ids, v_made.stream_keys);
    v_events := v_made.events;
    v_deliveries := v_made.deliveries;
    v_to := case when v_made.events < p_limit then v_safe else v_made.last_position end;
  end if;
  if v_to > v_from then
    update dbkit.event_reader_checkpoints c
    set position = v_to, updated_at = dbkit.clock()
    where c.reader = 'dbkit.webhooks';
  end if;
  return jsonb_build_object('events', v_events, 'deliveries', v_deliveries,
    'position', v_to, 'lag', v_safe - v_to, 'busy', false);
end
$$;
comment on function dbkit.queue_event_for_webhooks(int) is
  'Makes a delivery of each of the next events, at most p_limit (1 to 10000), for each subscription that
wants it, of all organizations, in order and without skipping any. Call it again while lag is not 0. events:
how many were looked at; deliveries: how many were made; position: every event up to there is queued; lag:
how many positions that is behind what can be read safely. busy: somebody else does it now.
An event whose body cannot be made, or has more than 2 MB (too_large), becomes dead letters at once.
Returns {events int, deliveries int, position bigint?, lag bigint?, busy boolean}.
Needs service_role. Raises KD003, KD004, KD507 (not READ COMMITTED, or a replica).';
grant execute on function dbkit.queue_event_for_webhooks(int) to service_role, super_admin;
