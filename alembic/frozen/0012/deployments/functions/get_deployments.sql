create or replace function dbkit.get_deployments(
  p_environment text default null,
  p_limit int default 20,
  p_unfinished boolean default false
)
returns table (
  deployment_id text,
  kind text,
  environment text,
  version text,
  commit_sha text,
  status text,
  smoke_test_passed boolean,
  deployed_by text,
  deployed_at timestamptz,
  completed_at timestamptz,
  rollback_target text,
  last_step text,
  details jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading deployments');
  if p_environment is not null then
    perform dbkit._check_environment(p_environment);
  end if;
  if p_limit is null or p_limit not between 1 and 1000 then
    perform dbkit.raise_error('KD004', 'p_limit must be 1 to 1000', '{"argument": "p_limit"}');
  end if;
  return query
    select d.deployment_id, d.kind, d.environment, d.version, d.commit_sha, d.status, d.smoke_test_passed,
      d.deployed_by, d.deployed_at, d.completed_at, t.deployment_id,
      (select s.step || ' ' || s.status from dbkit.deployment_steps s where s.deployment_log_id = d.id
        order by s.id desc limit 1),
      d.details
    from dbkit.deployment_log d
    left join dbkit.deployment_log t on t.id = d.rollback_target_id
    where (p_environment is null or d.environment = p_environment)
      and (not p_unfinished or d.status = 'deploying')
    order by d.deployed_at desc, d.id desc
    limit p_limit;
end
$$;
comment on function dbkit.get_deployments(text, int, boolean) is
  'The newest releases, rollbacks and switches, newest first, with the last step of each; p_unfinished: only
those that are still deploying. Needs service_role. Raises KD003, KD004.
Nullable: p_environment, commit_sha, smoke_test_passed, completed_at, rollback_target, last_step.';
grant execute on function dbkit.get_deployments(text, int, boolean) to service_role, super_admin;
