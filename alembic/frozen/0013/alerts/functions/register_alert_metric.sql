create or replace function dbkit.register_alert_metric(
  p_metric_type text,
  p_function text,
  p_unit text default '',
  p_description text default '',
  p_params jsonb default '{}'
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a metric for alerts');
  perform dbkit._register_alert_metric(p_metric_type, p_function, p_unit, p_description, p_params);
end
$$;
comment on function dbkit.register_alert_metric(text, text, text, text, jsonb) is
  'Lets alert rules watch what a function measures: STABLE, it takes (timestamptz, int, jsonb), that is the
time, the minutes before it and parameters, and has out value double precision, out samples bigint. A value
of NULL says that there is no data. It runs with the rights of whoever evaluates. p_function: schema.function.
p_params: given to it, below those of the rule. Registered again it is changed.
Needs super_admin. Raises KD003, KD724.';
grant execute on function dbkit.register_alert_metric(text, text, text, text, jsonb) to super_admin;
