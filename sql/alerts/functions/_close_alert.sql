create or replace function dbkit._close_alert(
  p_rule_id bigint,
  p_now timestamptz,
  p_value double precision,
  p_by text,
  p_note text
)
returns boolean
language plpgsql
volatile
as $$
declare
  v_alert dbkit.alert_history;
begin
  update dbkit.alert_history h
  set status = 'resolved', resolved_at = greatest(p_now, h.triggered_at), resolved_by = p_by,
    resolution_note = p_note, last_value = coalesce(p_value::numeric, h.last_value), notice_held = false
  where h.alert_rule_id = p_rule_id and h.status <> 'resolved'
  returning h.* into v_alert;
  if v_alert.id is null then
    return false;
  end if;
  perform dbkit._queue_notices(v_alert, 'resolved', p_now);
  return true;
end
$$;
comment on function dbkit._close_alert(bigint, timestamptz, double precision, text, text) is
  'Resolves the open alert of a rule whose state is locked, and queues the notices; false when there is
none.';
