create or replace function dbkit.enable_alert_rule(p_name text, p_enabled boolean default true)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.alert_rules;
begin
  perform dbkit.require_service('enabling an alert rule');
  if p_enabled is null then
    perform dbkit._raise_invalid_alert_rule('p_enabled', 'must be true or false');
  end if;
  v_rule := dbkit._lock_alert_rule(p_name);
  update dbkit.alert_rules r set enabled = p_enabled, updated_at = dbkit.clock() where r.id = v_rule.id;
  if not p_enabled then
    perform dbkit._close_alert(v_rule.id, dbkit.clock(), null, dbkit.caller_role(), 'the rule was disabled');
    update dbkit.alert_rule_states s
    set state = 'ok', pending_since = null, keep_firing_since = null, condition_holds = false
    where s.rule_id = v_rule.id;
  end if;
end
$$;
comment on function dbkit.enable_alert_rule(text, boolean) is
  'Switches a rule of the caller''s organization on, or off; then its open alert is resolved.
Needs service_role. Raises KD003, KD720, KD721.';
grant execute on function dbkit.enable_alert_rule(text, boolean) to service_role, super_admin;
