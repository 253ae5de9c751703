create or replace function dbkit._unregister_alert_metric(p_metric_type text)
returns boolean
language plpgsql
volatile
as $$
declare
  v_rules text[] := array(
    select r.name from dbkit.alert_rules r where r.metric_type = p_metric_type order by r.name limit 20);
begin
  if v_rules <> '{}' then
    perform dbkit.raise_error('KD733', format('alert rules watch the metric %s', p_metric_type),
      jsonb_build_object('metric_type', p_metric_type, 'rules', v_rules),
        'Delete or change the rules first.');
  end if;
  delete from dbkit.alert_metric_sources m where m.metric_type = p_metric_type;
  return found;
end
$$;
comment on function dbkit._unregister_alert_metric(text) is
  'What unregister_alert_metric does, for seeds. Raises KD733.';
