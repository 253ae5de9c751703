-- Not SECURITY DEFINER, because registered functions are called: what may not be done with the caller's
-- rights is in _begin_alert_tick and _settle_alert_tick. Locks: states in the order of rule_id, then alerts.
create or replace function dbkit.evaluate_alert_rules(p_now timestamptz default null)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit._check_alert_time(p_now);
  v_ids bigint[] := dbkit._begin_alert_tick(v_now);
  v_rule dbkit.alert_rules;
  v_before dbkit.alert_rules;
  v_found record;
  v_rules bigint[] := array[]::bigint[];
  v_values double precision[] := array[]::double precision[];
  v_samples bigint[] := array[]::bigint[];
  v_errors text[] := array[]::text[];
begin
  for v_rule in
    select r.*
    from dbkit.alert_rules r
    where r.id = any (v_ids)
    order by r.metric_type, r.window_minutes, r.metric_params, r.burn_rate
  loop
    -- Rules that watch the same, with several severities for instance, share a measurement.
    if (v_rule.metric_type, v_rule.window_minutes, v_rule.metric_params, v_rule.burn_rate)
      is distinct from (v_before.metric_type, v_before.window_minutes, v_before.metric_params,
        v_before.burn_rate)
    then
      v_found := dbkit._measure_alert_rule(v_rule, v_now);
      v_before := v_rule;
    end if;
    v_rules := v_rules || v_rule.id;
    v_values := v_values || v_found.value;
    v_samples := v_samples || v_found.samples;
    v_errors := v_errors || v_found.error;
  end loop;
  return dbkit._settle_alert_tick(v_now, v_rules, v_values, v_samples, v_errors);
end
$$;
comment on function dbkit.evaluate_alert_rules(timestamptz) is
  'Measures and judges the enabled rules of all organizations at a time, NULL now; those that were evaluated
for it, or a later one, are left alone. So any number may do it at once, and each rule fires once. Alerts are
opened and resolved, and their notices queued, in the caller''s transaction. A rule whose metric raises is
counted as failed, keeps its state, and harms no other.
Returns {evaluated int, fired int, resolved int, pending int, failed int}.
pending: rules that wait, all of them.
Needs service_role. Raises KD003, KD732 (a time in the future).';
grant execute on function dbkit.evaluate_alert_rules(timestamptz) to service_role, super_admin;
