create or replace function dbkit.resolve_alert(p_alert_id bigint, p_note text default '')
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_alert dbkit.alert_history;
begin
  perform dbkit.require_service('resolving an alert');
  if (length(p_note) <= 500) is not true then
    perform dbkit.raise_error('KD004', 'a note has at most 500 characters', '{"argument": "p_note"}');
  end if;
  v_alert := dbkit._lock_alert(p_alert_id);
  perform dbkit._close_alert(v_alert.alert_rule_id, v_now, null,
    coalesce(dbkit.context_value('user_id'), dbkit.caller_role()), p_note);
  update dbkit.alert_rule_states s
  set state = 'ok', pending_since = null, keep_firing_since = null,
    cooldown_until = v_now + make_interval(mins => r.cooldown_minutes)
  from dbkit.alert_rules r
  where r.id = s.rule_id and s.rule_id = v_alert.alert_rule_id;
end
$$;
comment on function dbkit.resolve_alert(bigint, text) is
  'Closes an open alert of the caller''s organization by hand. If the condition still holds, the rule waits
for for_minutes and cooldown_minutes from now on, and fires again.
Needs service_role. Raises KD003, KD004, KD725, KD726.';
grant execute on function dbkit.resolve_alert(bigint, text) to service_role, super_admin;
