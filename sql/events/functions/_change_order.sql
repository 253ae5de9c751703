-- What is already queued as ordered stays so: each that finishes lets the next one go. Only what is
-- queued from now on follows the new setting; but then a stream could be under way twice. So deliveries
-- that wait become what they would have been.
create or replace function dbkit._change_order(
  p_organization_id text,
  p_subscription_id uuid,
  p_is_ordered boolean
)
returns void
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  if p_is_ordered then
    update dbkit.event_delivery_log d
    set stream_key = jsonb_build_array(e.organization_id, e.aggregate_type, e.aggregate_id)::text,
      next_attempt_at = case d.status when 'pending' then 'infinity' else d.next_attempt_at end
    from dbkit.event_store e
    where d.organization_id = p_organization_id and d.subscription_id = p_subscription_id
      and d.status in ('pending', 'leased', 'retry_wait') and d.stream_key is null
      and e.position = d.position;
    perform dbkit._unblock_streams(array_agg(d.organization_id), array_agg(d.subscription_id),
      array_agg(d.stream_key))
    from dbkit.event_delivery_log d
    where d.organization_id = p_organization_id and d.subscription_id = p_subscription_id
      and d.status in ('pending', 'leased', 'retry_wait') and d.stream_key is not null;
  else
    update dbkit.event_delivery_log d
    set stream_key = null, next_attempt_at = least(d.next_attempt_at, v_now)
    where d.organization_id = p_organization_id and d.subscription_id = p_subscription_id
      and d.status = 'pending' and d.stream_key is not null;
    update dbkit.event_delivery_log d
    set stream_key = null
    where d.organization_id = p_organization_id and d.subscription_id = p_subscription_id
      and d.status in ('leased', 'retry_wait') and d.stream_key is not null;
  end if;
  perform dbkit._refresh_delivery_queues(array[p_organization_id], array[p_subscription_id]);
end
$$;
comment on function dbkit._change_order(text, uuid, boolean) is
  'Brings deliveries that are not done into line with a changed is_ordered. The caller holds the queue''s
lock.';
