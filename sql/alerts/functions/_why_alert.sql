create or replace function dbkit._why_alert(p_alert dbkit.alert_history)
returns jsonb
language sql
stable
as $$
select jsonb_agg(x.sentence order by x.n) from (values
  (1, p_alert.message),
  (2, format('the condition held from %s and the rule waits %s min, so it fired at %s',
    p_alert.pending_since, p_alert.rule ->> 'for_minutes', p_alert.triggered_at)),
  (3, case when p_alert.metric_value is null then 'there was no data, which this rule takes for an alert'
    end),
  (4, case when p_alert.acknowledged_at is not null then format('%s acknowledged it at %s%s: %s',
    p_alert.acknowledged_by, p_alert.acknowledged_at, coalesce(' until ' || p_alert.acknowledged_until, ''),
    p_alert.acknowledgement_note) end),
  (5, case when p_alert.resolved_at is not null then coalesce(
    format('%s resolved it at %s: %s', p_alert.resolved_by, p_alert.resolved_at, p_alert.resolution_note),
    '') end)
) as x (n, sentence)
where x.sentence is not null
$$;
comment on function dbkit._why_alert(dbkit.alert_history) is 'Sentences for a person.';
grant execute on function dbkit._why_alert(dbkit.alert_history) to service_role, super_admin;
