-- Locks the notice, then the alert: evaluation inserts notices, and locks none.
create or replace function dbkit.settle_alert_notification(
  p_notification_id bigint,
  p_token int,
  p_error text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_notification dbkit.alert_notifications;
  v_delay double precision;
begin
  perform dbkit.require_service('settling a notification');
  select n.*
  into v_notification
  from dbkit.alert_notifications n
  where n.id = p_notification_id and n.status = 'leased' and n.token = p_token
  for update;
  if not found then
    perform dbkit.raise_error('KD731',
      format('notification %s is not leased with token %s', p_notification_id, p_token),
      jsonb_build_object('notification_id', p_notification_id, 'token', p_token),
      'Its lease had ended, or it was settled: somebody else may have sent it. Claim again.');
  end if;
  if p_error is not null then
    v_delay := dbkit._retry_delay(dbkit._notice_schedule(), v_notification.attempts, null, random());
  end if;
  update dbkit.alert_notifications n
  set status = case when p_error is null then 'sent' when v_delay is null then 'dead' else 'retry_wait' end,
    last_error = left(p_error, 500), leased_by = null,
    next_attempt_at = v_now + make_interval(secs => coalesce(v_delay, 0)),
    settled_at = case when v_delay is null then v_now end
  where n.id = p_notification_id
  returning * into v_notification;
  if v_notification.status = 'sent' then
    update dbkit.alert_history h
    set channels_notified = h.channels_notified || to_jsonb(v_notification.channel)
    where h.id = v_notification.alert_id and not h.channels_notified ? v_notification.channel;
  end if;
  return jsonb_build_object('status', v_notification.status, 'attempts', v_notification.attempts,
    'next_attempt_at',
    case v_notification.status when 'retry_wait' then v_notification.next_attempt_at end);
end
$$;
comment on function dbkit.settle_alert_notification(bigint, int, text) is
  'What came of a notice that was claimed. p_error: NULL it was sent; else it is tried again, 8 times over
some nine hours, and then given up (dead).
Nullable: p_error.
Returns {status text, attempts int, next_attempt_at timestamptz?}.
Needs service_role. Raises KD003, KD731 (the lease had ended).';
grant execute on function dbkit.settle_alert_notification(bigint, int, text) to service_role, super_admin;
