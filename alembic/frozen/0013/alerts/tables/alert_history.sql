-- The partial unique index decides who fires: of many that want to open an alert of a rule, one can.
create table dbkit.alert_history (
  id bigint generated always as identity primary key,
  organization_id text collate "C" not null,
  alert_rule_id bigint references dbkit.alert_rules (id) on delete set null,
  rule_name text collate "C" not null,
  triggered_at timestamptz not null,
  pending_since timestamptz,
  resolved_at timestamptz,
  resolved_by text,
  resolution_note text,
  status text not null default 'triggered' check (status in ('triggered', 'acknowledged', 'resolved')),
  acknowledged_at timestamptz,
  acknowledged_by text,
  acknowledged_until timestamptz,
  acknowledgement_note text,
  severity text not null,
  metric_value numeric,
  last_value numeric,
  message text not null,
  rule jsonb not null,
  channels_notified jsonb not null default '[]',
  notices int not null default 0,
  noticed_at timestamptz,
  notice_held boolean not null default false,
  deployment_log_id bigint references dbkit.deployment_log (id),
  check ((status = 'resolved') = (resolved_at is not null))
);
comment on table dbkit.alert_history is 'Incidents: one row from when a rule fires until it is resolved.';
comment on column dbkit.alert_history.alert_rule_id is 'NULL when the rule was deleted since.';
comment on column dbkit.alert_history.status is
  'triggered; acknowledged: somebody takes care of it, until acknowledged_until (NULL: until resolved);
resolved.';
comment on column dbkit.alert_history.resolved_by is
  'The role that did it by hand; NULL: the condition holds no more.';
comment on column dbkit.alert_history.metric_value is
  'When it fired; NULL: it fired because there was no data.';
comment on column dbkit.alert_history.last_value is 'When it was resolved.';
comment on column dbkit.alert_history.rule is 'The rule as it was when it fired.';
comment on column dbkit.alert_history.channels_notified is 'Names of the channels that took a notice.';
comment on column dbkit.alert_history.notices is 'How often it was told again.';
comment on column dbkit.alert_history.noticed_at is 'When it was last told, or would have been.';
comment on column dbkit.alert_history.notice_held is
  'A silence held a notice back, or an acknowledgement has ended: it is told as soon as nothing holds it.';
comment on column dbkit.alert_history.deployment_log_id is
  'The last deployment to production in the 24 hours before it began.';
create unique index idx_alert_history_open on dbkit.alert_history (alert_rule_id) where status <> 'resolved';
create index idx_alert_history_time on dbkit.alert_history (organization_id, id desc);
create index idx_alert_history_rule on dbkit.alert_history (alert_rule_id, id desc);
create index idx_alert_history_deployment on dbkit.alert_history (deployment_log_id)
where deployment_log_id is not null;
grant select on dbkit.alert_history to service_role, super_admin;
