create or replace function dbkit.get_alerts(
  p_status text default 'open',
  p_rule_name text default null,
  p_before_id bigint default null,
  p_limit int default 100,
  p_organization_id text default null
)
returns table (
  id bigint,
  organization_id text,
  alert_rule_id bigint,
  rule_name text,
  triggered_at timestamptz,
  resolved_at timestamptz,
  resolved_by text,
  resolution_note text,
  status text,
  acknowledged_at timestamptz,
  acknowledged_by text,
  acknowledged_until timestamptz,
  acknowledgement_note text,
  severity text,
  metric_value numeric,
  last_value numeric,
  message text,
  channels_notified jsonb,
  notices int,
  deployment_id text
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
  perform dbkit.require_service('seeing alerts');
  perform dbkit._check_page(p_limit);
  if p_status not in ('open', 'triggered', 'acknowledged', 'resolved') then
    perform dbkit.raise_error('KD004', 'the status must be open, triggered, acknowledged, resolved or NULL',
      jsonb_build_object('argument', 'p_status', 'value', p_status));
  end if;
  return query
  select h.id, h.organization_id, h.alert_rule_id, h.rule_name, h.triggered_at, h.resolved_at, h.resolved_by,
    h.resolution_note, h.status, h.acknowledged_at, h.acknowledged_by, h.acknowledged_until,
      h.acknowledgement_note,
    h.severity, h.metric_value, h.last_value, h.message, h.channels_notified, h.notices,
    (select d.deployment_id from dbkit.deployment_log d where d.id = h.deployment_log_id)
  from dbkit.alert_history h
  where (v_organization_id is null or h.organization_id = v_organization_id)
    and (p_rule_name is null or h.rule_name = p_rule_name)
    and (p_status is null or h.status = p_status or p_status = 'open' and h.status <> 'resolved')
    and (p_before_id is null or h.id < p_before_id)
  order by h.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_alerts(text, text, bigint, int, text) is
  'Alerts, the newest first. p_status: open (not resolved), triggered, acknowledged, resolved, NULL all.
p_rule_name: NULL all. p_before_id: the last id of the page before. p_limit: 1 to 10000. p_organization_id:
NULL that of the request context, * all. metric_value: when it fired, last_value: when it was resolved.
Needs service_role. Raises KD003, KD004.
Nullable: p_status, alert_rule_id, resolved_at, resolved_by, resolution_note, acknowledged_at.
Nullable: acknowledged_by, acknowledged_until, acknowledgement_note, metric_value, last_value, deployment_id.';
grant execute on function dbkit.get_alerts(text, text, bigint, int, text) to service_role, super_admin;
