create table dbkit.alert_silences (
  id bigint generated always as identity primary key,
  organization_id text collate "C" not null,
  rule_pattern text collate "C" not null,
  severity text check (severity in ('info', 'warning', 'critical')),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  reason text not null check (length(reason) between 1 and 500),
  created_at timestamptz not null,
  created_by text not null,
  expired_by text,
  check (ends_at >= starts_at)
);
comment on table dbkit.alert_silences is
  'Times in which alerts are not told. Rules are evaluated all the same, and alerts open and close.';
comment on column dbkit.alert_silences.rule_pattern is 'Of a rule''s name, * for any run of characters.';
comment on column dbkit.alert_silences.severity is 'Only alerts of this one; NULL all.';
comment on column dbkit.alert_silences.expired_by is 'Who ended it before its time; NULL nobody.';
create index idx_alert_silences_ends on dbkit.alert_silences (organization_id, ends_at);
grant select on dbkit.alert_silences to service_role, super_admin;
