create table dbkit.heal_runs (
  id bigint generated always as identity primary key,
  rule text collate "C" not null,
  started_at timestamptz not null,
  took_ms numeric(12, 1) not null check (took_ms >= 0),
  outcome text not null check (outcome in
    ('healed', 'nothing', 'disabled', 'switched_off', 'tripped', 'over_budget', 'failed')),
  found int,
  population bigint,
  healed int not null check (healed >= 0),
  error text check (length(error) <= 1000)
);
comment on table dbkit.heal_runs is
  'Every run of a heal rule, those that did nothing too; dry runs leave nothing. prune_maintenance forgets
them.';
comment on column dbkit.heal_runs.found is
  'Candidates, counted as far as it takes to judge the trip; NULL where nothing was counted.';
comment on column dbkit.heal_runs.population is
  'What the share of the trip is of; NULL where it is not judged.';
create index idx_heal_runs_rule on dbkit.heal_runs (rule, id desc);
create index idx_heal_runs_started on dbkit.heal_runs (started_at);
grant select on dbkit.heal_runs to service_role, super_admin;
