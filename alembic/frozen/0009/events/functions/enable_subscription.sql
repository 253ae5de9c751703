-- Holds the fan-out's lock, so that what is missed ends exactly where the fan-out goes on; step by step,
-- so that it does not hold it for long: the subscription stays disabled until the last step. What is not to
-- be replayed may not be fanned out yet: then it is the beginning that moves, as if it were made now.
create or replace function dbkit.enable_subscription(p_subscription_id uuid, p_replay boolean default true)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_subscription dbkit.event_subscriptions;
  v_fanned_out bigint;
  v_from bigint;
  v_to bigint;
  v_made record;
  v_queued int := 0;
begin
  perform dbkit.require_service('enabling a subscription');
  v_fanned_out := dbkit._lock_fan_out();
  v_subscription := dbkit._find_subscription(p_subscription_id);
  v_from := greatest(v_subscription.disabled_position, v_subscription.start_position);
  v_to := greatest(v_fanned_out, v_from);
  if v_subscription.status = 'disabled' and p_replay and v_from < v_to then
    select m.*
    into v_made
    from dbkit._match_events(v_from, v_to, 10000, v_subscription.organization_id, p_subscription_id) as m;
    perform dbkit._finish_queueing(v_made.positions, v_made.organization_ids, v_made.subscription_ids,
      v_made.stream_organization_ids, v_made.stream_subscription_ids, v_made.stream_keys);
    v_queued := v_made.deliveries;
    v_from := case when v_made.events < 10000 then v_to else v_made.last_position end;
  else
    v_from := v_to;
  end if;
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  if v_subscription.status = 'disabled' then
    if p_replay is not true then
      update dbkit.event_subscriptions s
      set start_position = greatest(s.start_position, dbkit.safe_position())
      where s.organization_id = v_subscription.organization_id and s.subscription_id = p_subscription_id;
    end if;
    perform dbkit._enable_subscription(v_subscription, v_from, v_from = v_to);
  end if;
  return jsonb_build_object('enabled', v_from = v_to, 'queued', v_queued,
    'lag', v_to - v_from);
end
$$;
comment on function dbkit.enable_subscription(uuid, boolean) is
  'Goes on with a subscription of the caller''s organization that was disabled: what was queued is sent,
and with p_replay also what it has missed since; without, nothing that could be read before this call and
is not queued yet. At most 10000 events are looked at: while lag is not 0
(positions), enabled is false, and it stays disabled; call it again. queued: how many deliveries were made
of what it missed. Appends WebhookSubscriptionEnabled. One that is not disabled stays as it is.
Returns {enabled boolean, queued int, lag bigint}.
Needs service_role. Raises KD003, KD507 (without p_replay: not READ COMMITTED, or a replica), KD520.';
grant execute on function dbkit.enable_subscription(uuid, boolean) to service_role, super_admin;
