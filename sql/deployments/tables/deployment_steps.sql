-- What a deploy did, one row before and one after each step: one that is killed leaves behind how far it
-- came, and the next one can clean up. Rows are only ever added.
create table dbkit.deployment_steps (
  id bigint generated always as identity primary key,
  deployment_log_id bigint not null references dbkit.deployment_log (id),
  step text not null check (step ~ '^[a-z][a-z0-9_]{0,62}$'),
  status text not null check (status in ('started', 'done', 'failed', 'inconclusive')),
  logged_at timestamptz not null,
  contract_revisions text[] not null default '{}'
    check (cardinality(contract_revisions) <= 1000 and array_position(contract_revisions, null) is null),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object')
);
create index idx_deployment_steps_deployment on dbkit.deployment_steps (deployment_log_id, id);
create index idx_deployment_steps_contract on dbkit.deployment_steps (deployment_log_id)
where contract_revisions <> '{}';
comment on table dbkit.deployment_steps is 'The steps of deployments. Only log_deployment_step writes.';
comment on column dbkit.deployment_steps.contract_revisions is
  'Migrations begun by this step that older code cannot work with: nothing before them is put back any more.';
grant select on dbkit.deployment_steps to service_role, super_admin;
