-- The caller holds the queue's lock. Of an ordered stream they begin blocked, and the oldest is let go.
create or replace function dbkit._restart_deliveries(p_delivery_ids bigint[])
returns int
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_restarted dbkit.event_delivery_log[];
begin
  with restarted as (
    update dbkit.event_delivery_log d
    set status = 'pending', attempts = 0, replays = d.replays + 1, finished_at = null,
      next_attempt_at = case when d.stream_key is null then v_now else 'infinity' end
    where d.delivery_id = any (p_delivery_ids) and d.status in ('delivered', 'dead', 'skipped', 'retry_wait')
    returning d.*
  )
  select array_agg(r::dbkit.event_delivery_log)
  into v_restarted
  from restarted r;
  if v_restarted is null then
    return 0;
  end if;
  update dbkit.event_dead_letters l
  set status = 'requeued', resolved_at = v_now, resolved_by = dbkit.caller_role()
  from unnest(v_restarted) as d
  where l.organization_id = d.organization_id and l.source = 'webhook'
    and l.source_name = d.subscription_id::text and coalesce(l.delivery_id, -l.position) = d.delivery_id
    and l.status = 'open';
  perform dbkit._refresh_delivery_queues(array_agg(d.organization_id), array_agg(d.subscription_id))
  from unnest(v_restarted) as d;
  perform dbkit._unblock_streams(array_agg(d.organization_id), array_agg(d.subscription_id),
    array_agg(d.stream_key))
  from unnest(v_restarted) as d
  where d.stream_key is not null
  having count(*) > 0;
  return cardinality(v_restarted);
end
$$;
comment on function dbkit._restart_deliveries(bigint[]) is
  'Begins deliveries anew that are done or wait for a retry, with the same webhook-id and all attempts;
closes their dead letters. How many it were.';
