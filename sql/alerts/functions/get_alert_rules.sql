create or replace function dbkit.get_alert_rules(
  p_name text default null,
  p_organization_id text default null
)
returns table (
  id bigint,
  organization_id text,
  name text,
  description text,
  metric_type text,
  unit text,
  metric_params jsonb,
  condition text,
  threshold numeric,
  window_minutes int,
  for_minutes int,
  keep_firing_minutes int,
  cooldown_minutes int,
  repeat_minutes int,
  min_samples int,
  no_data text,
  burn_rate jsonb,
  severity text,
  channels jsonb,
  enabled boolean,
  state text,
  evaluated_at timestamptz,
  pending_since timestamptz,
  last_value double precision,
  last_samples bigint,
  last_error text,
  open_alert_id bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing alert rules');
  return query
  select r.id, r.organization_id, r.name, r.description, r.metric_type, m.unit, r.metric_params, r.condition,
    r.threshold, r.window_minutes, r.for_minutes, r.keep_firing_minutes, r.cooldown_minutes, r.repeat_minutes,
    r.min_samples, r.no_data, r.burn_rate, r.severity, r.channels, r.enabled, s.state,
    nullif(s.evaluated_at, '-infinity'), s.pending_since, s.last_value, s.last_samples, s.last_error,
    (select h.id from dbkit.alert_history h where h.alert_rule_id = r.id and h.status <> 'resolved')
  from dbkit.alert_rules r
  join dbkit.alert_rule_states s on s.rule_id = r.id
  join dbkit.alert_metric_sources m on m.metric_type = r.metric_type
  where (v_organization_id is null or r.organization_id = v_organization_id)
    and (p_name is null or r.name = p_name)
  order by r.organization_id, r.name;
end
$$;
comment on function dbkit.get_alert_rules(text, text) is
  'Rules and where they stand. p_name: NULL all. p_organization_id: NULL that of the request context, * all.
state: ok, pending, firing, no_data; evaluated_at: NULL never; last_value: NULL no data; last_error: why it
could not be measured.
Needs service_role. Raises KD003.
Nullable: p_name, burn_rate, evaluated_at, pending_since, last_value, last_samples, last_error.
Nullable: open_alert_id.';
grant execute on function dbkit.get_alert_rules(text, text) to service_role, super_admin;
