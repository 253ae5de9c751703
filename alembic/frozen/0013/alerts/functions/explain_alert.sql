-- Not SECURITY DEFINER, because the metric's function is called. The series ends with the incident, or now.
create or replace function dbkit.explain_alert(p_alert_id bigint)
returns jsonb
language plpgsql
stable
as $$
declare
  v_alert dbkit.alert_history;
  v_rule dbkit.alert_rules;
  v_from timestamptz;
  v_to timestamptz;
begin
  select h.*
  into v_alert
  from dbkit.alert_history h
  where h.id = p_alert_id and h.organization_id = dbkit.current_organization();
  if v_alert.id is null then
    perform dbkit.raise_error('KD725', format('there is no alert %s', coalesce(p_alert_id::text, 'NULL')),
      jsonb_build_object('alert_id', p_alert_id), 'dbkit.get_alerts() lists them.');
  end if;
  v_rule := jsonb_populate_record(null::dbkit.alert_rules, v_alert.rule);
  v_rule.organization_id := v_alert.organization_id;
  v_rule.burn_rate := nullif(v_rule.burn_rate, 'null');
  v_from := coalesce(v_alert.pending_since, v_alert.triggered_at) - make_interval(mins =>
    v_rule.window_minutes);
  v_to := least(coalesce(v_alert.resolved_at, dbkit.clock()),
    v_alert.triggered_at + make_interval(mins => 4 * v_rule.window_minutes));
  return jsonb_build_object('alert', to_jsonb(v_alert) - '{rule,organization_id,deployment_log_id}'::text[],
    'rule', v_alert.rule, 'why', dbkit._why_alert(v_alert), 'series', dbkit._alert_series(v_rule, v_from,
    v_to),
    'deployment', dbkit._deployment_shift(v_alert, v_rule),
    'notices', coalesce((
      select jsonb_agg(jsonb_build_object('transition', n.transition, 'n', n.n, 'channel', n.channel,
        'status', n.status, 'reason', n.reason, 'silence_id', n.silence_id, 'attempts', n.attempts,
        'error', n.last_error, 'created_at', n.created_at, 'settled_at', n.settled_at) order by n.id)
      from dbkit.alert_notifications n
      where n.alert_id = v_alert.id), '[]'));
end
$$;
comment on function dbkit.explain_alert(bigint) is
  'Why an alert of the caller''s organization fired, and what came of it: alert (its row), rule (as it was
then), why (sentences), series (the metric before, during and after, at 30 times; error: it cannot be
measured now), deployment (the last one before, with the value of as many minutes before and after it, NULL
none), notices (each, and why it was not sent).
Returns {alert jsonb, rule jsonb, why text[], series {at timestamptz, value numeric?, error text?}[], deployment jsonb?, notices jsonb}.
Needs service_role. Raises KD725.';
grant execute on function dbkit.explain_alert(bigint) to service_role, super_admin;
