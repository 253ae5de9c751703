-- No reference to the rule: it may go, what it did stays.
create table dbkit.heal_ledger (
  id bigint generated always as identity primary key,
  run_id bigint not null references dbkit.heal_runs (id),
  rule text collate "C" not null,
  organization_id text collate "C" not null,
  subject text collate "C" not null check (length(subject) between 1 and 500),
  before jsonb not null,
  after jsonb not null,
  healed_at timestamptz not null,
  undone_at timestamptz,
  undone_by text,
  undo_reason text check (length(undo_reason) <= 500),
  check ((undone_at is null) = (undone_by is null))
);
comment on table dbkit.heal_ledger is
  'What was healed: one row for each change, written in the transaction that made it. undo_healing takes it
back.';
comment on column dbkit.heal_ledger.subject is
  'What was changed, as its rule names it: the id of an order, say.';
comment on column dbkit.heal_ledger.before is
  'As it was; after: as it became. What in them is for the rule to say.';
comment on column dbkit.heal_ledger.undone_by is 'The login.';
create index idx_heal_ledger_rule on dbkit.heal_ledger (rule, healed_at);
create index idx_heal_ledger_run on dbkit.heal_ledger (run_id);
create index idx_heal_ledger_subject on dbkit.heal_ledger (subject, id);
create index idx_heal_ledger_undone on dbkit.heal_ledger (rule, undone_at) where undone_at is not null;
create index idx_heal_ledger_healed on dbkit.heal_ledger (healed_at);
grant select on dbkit.heal_ledger to service_role, super_admin;
