-- The queues are locked at the very end, so that claims and settlements wait for a moment only; but before
-- the commit, so that a claim that saw nothing cannot put its "nothing is due" over ours.
create or replace function dbkit._finish_queueing(
  p_positions bigint[],
  p_organization_ids text[],
  p_subscription_ids uuid[],
  p_stream_organization_ids text[],
  p_stream_subscription_ids uuid[],
  p_stream_keys text[]
)
returns void
language plpgsql
volatile
as $$
begin
  if p_positions is null then
    return;
  end if;
  begin
    perform dbkit._write_webhook_messages(p_positions);
  exception when others then
    if sqlstate ~ '^(40|53|55|57|58)' then
      raise;
    end if;
    perform dbkit._queue_failed_bodies(p_positions);
  end;
  perform dbkit._lock_delivery_queues(p_organization_ids, p_subscription_ids);
  perform dbkit._skip_orphans(p_organization_ids, p_subscription_ids);
  perform dbkit._wake_delivery_queues(p_organization_ids, p_subscription_ids);
  if p_stream_keys is not null then
    perform dbkit._unblock_streams(p_stream_organization_ids, p_stream_subscription_ids, p_stream_keys);
  end if;
end
$$;
comment on function dbkit._finish_queueing(bigint[], text[], uuid[], text[], uuid[], text[]) is
  'The other half of _match_events: what is sent, and the queues that are due now.';
