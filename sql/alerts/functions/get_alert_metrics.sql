create or replace function dbkit.get_alert_metrics()
returns table (
  metric_type text,
  function_signature text,
  params jsonb,
  unit text,
  description text,
  rules bigint
)
language plpgsql
stable
as $$
begin
  return query
  select m.metric_type, m.function_signature, m.params, m.unit, m.description,
    (select count(*) from dbkit.alert_rules r where r.metric_type = m.metric_type)
  from dbkit.alert_metric_sources m
  order by m.metric_type;
end
$$;
comment on function dbkit.get_alert_metrics() is
  'What alert rules can watch, and how many rules do. Needs service_role.';
grant execute on function dbkit.get_alert_metrics() to service_role, super_admin;
