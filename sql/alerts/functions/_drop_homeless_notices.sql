-- Of a sender that dies each time, too: attempts are counted when they begin.
create or replace function dbkit._drop_homeless_notices(p_now timestamptz)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.alert_notifications n
  set status = case when h.is_homeless then 'suppressed' else 'dead' end,
    reason = case when h.is_homeless then 'channel_removed' end,
    last_error = coalesce(n.last_error, case when not h.is_homeless then 'no worker has settled it' end),
    settled_at = p_now
  from (
    select w.id, c.name is null as is_homeless
    from dbkit.alert_notifications w
    left join dbkit.alert_channels c on c.organization_id = w.organization_id and c.name = w.channel
      and c.enabled
    where w.status in ('pending', 'leased', 'retry_wait') and w.next_attempt_at <= p_now
      and (c.name is null or w.attempts >= cardinality(dbkit._notice_schedule()))
    for update of w skip locked
  ) as h
  where n.id = h.id;
end
$$;
comment on function dbkit._drop_homeless_notices(timestamptz) is
  'Gives up what is due to channels that are no more, and what was leased too often.';
