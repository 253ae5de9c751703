-- Its row is the mutex of a rule: evaluation, and whoever closes an alert by hand, locks it first (several in
-- the order of rule_id), then the alert.
create table dbkit.alert_rule_states (
  rule_id bigint primary key references dbkit.alert_rules (id) on delete cascade,
  organization_id text collate "C" not null,
  state text not null default 'ok' check (state in ('ok', 'pending', 'firing', 'no_data')),
  evaluated_at timestamptz not null default '-infinity',
  pending_since timestamptz,
  keep_firing_since timestamptz,
  cooldown_until timestamptz not null default '-infinity',
  condition_holds boolean not null default false,
  last_value double precision,
  last_samples bigint,
  last_error text,
  failures int not null default 0
);
comment on table dbkit.alert_rule_states is 'Where each rule stands since its last evaluation.';
comment on column dbkit.alert_rule_states.state is
  'firing exactly while the rule has an open alert; pending: the condition holds, but not for long enough, or
the last incident was too short a time ago.';
comment on column dbkit.alert_rule_states.pending_since is
  'Since when the condition holds; NULL when it does not.';
comment on column dbkit.alert_rule_states.keep_firing_since is
  'Since when a firing rule''s condition does not hold any more.';
comment on column dbkit.alert_rule_states.cooldown_until is 'No new incident before then.';
comment on column dbkit.alert_rule_states.last_error is
  'Why the metric could not be measured the last time; NULL when it could. The state stays as it was.';
comment on column dbkit.alert_rule_states.failures is 'How often in a row it could not.';
grant select on dbkit.alert_rule_states to service_role, super_admin;
