-- Locks as the fan-out has them: its own row, subjects, the queue.
create or replace function dbkit.replay_deliveries(
  p_subscription_id uuid,
  p_delivery_ids bigint[] default null,
  p_from_position bigint default null,
  p_to_position bigint default null,
  p_status text default null,
  p_from_time timestamptz default null,
  p_to_time timestamptz default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_by_position boolean := p_from_position is not null or p_to_position is not null;
  v_only_position boolean := v_by_position and p_delivery_ids is null and p_status is null
    and p_from_time is null and p_to_time is null;
  v_subscription dbkit.event_subscriptions;
  v_to bigint;
  v_made record;
  v_queued int := 0;
  v_ids bigint[];
  v_last bigint;
  v_replayed int;
begin
  perform dbkit.require_service('replaying deliveries');
  if cardinality(p_delivery_ids) > 10000 or p_status not in ('delivered', 'dead', 'skipped', 'retry_wait')
    or num_nonnulls(p_delivery_ids, p_from_position, p_to_position, p_status, p_from_time, p_to_time) = 0
  then
    perform dbkit.raise_error('KD004',
      'say which: up to 10000 ids, a range of positions or times, or a status (delivered, dead, skipped, '
      'retry_wait)',
      '{"argument": "p_delivery_ids, p_from_position, p_to_position, p_status, p_from_time, p_to_time"}');
  end if;
  v_to := least(p_to_position, dbkit._lock_fan_out());
  v_subscription := dbkit._find_subscription(p_subscription_id);
  perform dbkit._require_enabled(v_subscription);
  select array_agg(f.delivery_id), case count(*) when 10000 then max(f.position) end
  into v_ids, v_last
  from (
    select d.delivery_id, d.position
    from dbkit.event_delivery_log d
    where d.organization_id = v_subscription.organization_id and d.subscription_id = p_subscription_id
      and d.status in ('delivered', 'dead', 'skipped', 'retry_wait')
      and (p_delivery_ids is null or d.delivery_id = any (p_delivery_ids))
      and (not v_by_position or d.position between coalesce(p_from_position, 0)
        and coalesce(p_to_position, d.position))
      and (p_status is null or d.status = p_status)
      and (p_from_time is null or d.created_at >= p_from_time)
      and (p_to_time is null or d.created_at < p_to_time)
    order by d.position
    limit 10000) as f;
  if v_only_position then
    select m.*
    into v_made
    from dbkit._match_events(greatest(coalesce(p_from_position, 1), 1) - 1, least(v_to, v_last), 10000,
      v_subscription.organization_id, p_subscription_id) as m;
    v_queued := v_made.deliveries;
    if v_made.events = 10000 then
      v_last := v_made.last_position;
      v_ids := array(
        select d.delivery_id from dbkit.event_delivery_log d
        where d.delivery_id = any (v_ids) and d.position <= v_last);
    end if;
    perform dbkit._finish_queueing(v_made.positions, v_made.organization_ids, v_made.subscription_ids,
      v_made.stream_organization_ids, v_made.stream_subscription_ids, v_made.stream_keys);
  end if;
  perform dbkit._write_missing_messages(v_ids);
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  v_replayed := dbkit._restart_deliveries(v_ids);
  return jsonb_build_object('replayed', v_replayed, 'queued', v_queued,
    'next_position', v_last + 1);
end
$$;
comment on function dbkit.replay_deliveries(uuid, bigint[], bigint, bigint, text, timestamptz, timestamptz) is
  'Sends again to a subscription of the caller''s organization, with the same webhook-id and all attempts:
what is done or waits for a retry, of these ids, positions (both inclusive), status (delivered, dead,
skipped, retry_wait) and times of queueing (the end exclusive); all conditions that are given hold. A
range of positions alone also queues events of it that have no delivery, also from before the subscription
was made. replayed: begun anew; queued: made. At most 10000 at a time: next_position is where to go on
(p_from_position) when there may be more, else NULL.
Returns {replayed int, queued int, next_position bigint?}.
Needs service_role. Raises KD003, KD004, KD520, KD524 (disabled), KD526 (too large, of one that died of it).';
grant execute on function dbkit.replay_deliveries(
  uuid, bigint[], bigint, bigint, text, timestamptz, timestamptz
) to service_role, super_admin;
