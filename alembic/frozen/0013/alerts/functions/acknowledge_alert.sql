create or replace function dbkit.acknowledge_alert(
  p_alert_id bigint,
  p_note text default '',
  p_minutes int default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_alert dbkit.alert_history;
begin
  perform dbkit.require_service('acknowledging an alert');
  if (length(p_note) <= 500) is not true or p_minutes not between 1 and 43200 then
    perform dbkit.raise_error('KD004', 'a note has at most 500 characters, and the minutes are 1 to 43200 or '
      'NULL',
      '{"argument": "p_note, p_minutes"}');
  end if;
  v_alert := dbkit._lock_alert(p_alert_id);
  update dbkit.alert_history h
  set status = 'acknowledged', acknowledged_at = dbkit.clock(),
    acknowledged_by = coalesce(dbkit.context_value('user_id'), dbkit.caller_role()),
    acknowledged_until = dbkit.clock() + make_interval(mins => p_minutes), acknowledgement_note = p_note,
    notice_held = false
  where h.id = v_alert.id;
end
$$;
comment on function dbkit.acknowledge_alert(bigint, text, int) is
  'Somebody takes care of an open alert of the caller''s organization: it is not told again for p_minutes (1
to 43200), NULL until it is resolved. It is resolved as if nobody had.
Nullable: p_minutes.
Needs service_role. Raises KD003, KD004, KD725, KD726.';
grant execute on function dbkit.acknowledge_alert(bigint, text, int) to service_role, super_admin;
