create or replace function dbkit._register_alert_metric(
  p_metric_type text,
  p_function text,
  p_unit text,
  p_description text,
  p_params jsonb default '{}'
)
returns void
language plpgsql
volatile
as $$
declare
  v_signature text := dbkit._check_alert_metric(p_metric_type, p_function);
begin
  if (jsonb_typeof(p_params) = 'object' and length(p_params::text) <= 8000 and length(p_unit) <= 20
    and length(p_description) <= 500) is not true
  then
    perform dbkit.raise_error('KD724', 'a metric has a unit of at most 20 characters, a description of at '
      'most 500 '
      'and parameters that are a JSON object of at most 8000', jsonb_build_object('metric_type',
      p_metric_type));
  end if;
  insert into dbkit.alert_metric_sources as m
    (metric_type, function_signature, params, unit, description, registered_at, registered_by)
  values (p_metric_type, v_signature, p_params, p_unit, p_description, dbkit.clock(), dbkit.caller_role())
  on conflict (metric_type) do update
  set function_signature = excluded.function_signature, params = excluded.params, unit = excluded.unit,
    description = excluded.description, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by;
end
$$;
comment on function dbkit._register_alert_metric(text, text, text, text, jsonb) is
  'What register_alert_metric does, for seeds.';
