-- An acknowledgement that has ended, a silence that is over, and a repetition that is due come to the same:
-- the alert is told again, once. Locks the alerts after the states of their rules.
create or replace function dbkit._renew_notices(p_now timestamptz, p_rule_ids bigint[])
returns void
language plpgsql
volatile
as $$
declare
  v_alert dbkit.alert_history;
begin
  update dbkit.alert_history h
  set status = 'triggered', notice_held = true
  where h.alert_rule_id = any (p_rule_ids) and h.status = 'acknowledged' and h.acknowledged_until <= p_now;
  for v_alert in
    update dbkit.alert_history h
    set notices = h.notices + 1, noticed_at = p_now, notice_held = false
    from dbkit.alert_rules r
    where r.id = h.alert_rule_id and h.alert_rule_id = any (p_rule_ids) and h.status <> 'resolved'
      and h.triggered_at < p_now
      and (h.notice_held and h.status <> 'acknowledged'
        or r.repeat_minutes > 0 and h.noticed_at + make_interval(mins => r.repeat_minutes) <= p_now)
      and dbkit._find_silence(h.organization_id, h.rule_name, h.severity, p_now) is null
    returning h.*
  loop
    perform dbkit._queue_notices(v_alert, 'repeated', p_now);
  end loop;
end
$$;
comment on function dbkit._renew_notices(timestamptz, bigint[]) is
  'Tells open alerts of these rules again, where it is time.';
