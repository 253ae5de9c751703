-- The end is told to those who were told the beginning, whatever the rule says by now: to the channels of the
-- notices that were not suppressed, also during a silence (good news waits for nobody).
create or replace function dbkit._queue_notices(
  p_alert dbkit.alert_history,
  p_transition text,
  p_at timestamptz
)
returns void
language plpgsql
volatile
as $$
declare
  v_notice jsonb := dbkit._alert_notice(p_alert, p_transition, p_at);
  v_silence bigint;
begin
  if p_transition <> 'resolved' then
    v_silence := dbkit._find_silence(p_alert.organization_id, p_alert.rule_name, p_alert.severity, p_at);
    if v_silence is not null and not p_alert.notice_held then
      update dbkit.alert_history h set notice_held = true where h.id = p_alert.id;
    end if;
  end if;
  insert into dbkit.alert_notifications (organization_id, alert_id, transition, n, channel, status, reason,
    silence_id, notice, next_attempt_at, created_at, settled_at)
  select p_alert.organization_id, p_alert.id, p_transition, p_alert.notices, d.channel,
    case when d.reason is null then 'pending' else 'suppressed' end, d.reason,
    case when d.reason = 'silenced' then v_silence end, v_notice, p_at, p_at,
    case when d.reason is not null then p_at end
  from (
    select x.channel, case
      when not x.is_there then 'no_channel'
      when v_silence is not null then 'silenced'
      when p_alert.status = 'acknowledged' then 'acknowledged'
      when p_transition = 'resolved' and not exists (
        select from dbkit.alert_notifications n
        where n.alert_id = p_alert.id and n.channel = x.channel and n.status <> 'suppressed')
        then 'never_told' end as reason
    from dbkit._alert_destinations(p_alert.organization_id, p_alert.rule -> 'channels') as x
  ) as d
  on conflict (alert_id, transition, n, channel) do nothing;
  if found then
    perform dbkit.wake_workers();
  end if;
end
$$;
comment on function dbkit._queue_notices(dbkit.alert_history, text, timestamptz) is
  'One row of the outbox for each channel of the alert''s rule, or why it is not sent.';
