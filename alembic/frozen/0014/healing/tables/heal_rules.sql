-- The row is locked while its rule runs: the budget, the trip and the allowance are exact, whoever runs it.
create table dbkit.heal_rules (
  rule text collate "C" primary key check (rule ~ '^[a-z][a-z0-9_]{0,62}$'),
  rule_group text collate "C" check (rule_group ~ '^[a-z][a-z0-9_]{0,62}$'),
  run_order int not null check (run_order between 0 and 1000000),
  description text not null check (length(description) between 1 and 500),
  find_function text not null,
  apply_function text not null,
  undo_function text,
  population_function text,
  params jsonb not null check (jsonb_typeof(params) = 'object' and length(params::text) <= 10000),
  batch_size int not null check (batch_size between 1 and 1000),
  budget_per_hour int not null check (budget_per_hour between 0 and 1000000),
  trip_share numeric check (trip_share between 0 and 1),
  trip_min int not null check (trip_min between 1 and 1000000),
  enabled boolean not null,
  tripped_at timestamptz,
  trip_detail jsonb,
  allowance int not null default 0 check (allowance between 0 and 1000000),
  created_at timestamptz not null default dbkit.clock(),
  check (trip_share is null or population_function is not null),
  check ((tripped_at is null) = (trip_detail is null))
);
comment on table dbkit.heal_rules is
  'What is put right without a person: how to find it, how to change it, and how much of it.';
comment on column dbkit.heal_rules.rule_group is 'Rules that run_heal_rules runs together.';
comment on column dbkit.heal_rules.run_order is 'Lower runs first.';
comment on column dbkit.heal_rules.find_function is
  'schema.function(jsonb,integer,text[]), as the others without its types: register_heal_rule says what each
does.';
comment on column dbkit.heal_rules.params is 'Given to the functions.';
comment on column dbkit.heal_rules.batch_size is
  'Changes in one transaction, at most: it locks what it changes.';
comment on column dbkit.heal_rules.budget_per_hour is
  'Changes in any 60 minutes, at most; undone ones count.';
comment on column dbkit.heal_rules.trip_share is
  'The rule trips, and changes nothing, when it would change more than this share of the population (0 to 1)
and at least trip_min. NULL: it never does.';
comment on column dbkit.heal_rules.tripped_at is
  'Since then the rule changes nothing, until resume_heal_rule.';
comment on column dbkit.heal_rules.trip_detail is '{found (or more), population, trip_share, trip_min}.';
comment on column dbkit.heal_rules.allowance is
  'Changes that resume_heal_rule lets past the trip, still left.';
grant select on dbkit.heal_rules to service_role, super_admin;
