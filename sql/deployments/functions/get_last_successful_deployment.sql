-- A switch of the API version is no release, and a rollback only puts one back: neither is
-- something that can be deployed again.
create or replace function dbkit.get_last_successful_deployment(
  p_environment text default 'production'
)
returns table (
  id bigint,
  deployment_id text,
  environment text,
  version text,
  commit_sha text,
  deployed_by text,
  deployed_at timestamptz,
  completed_at timestamptz,
  details jsonb
)
language plpgsql
stable
as $$
begin
  perform dbkit._check_environment(p_environment);
  return query
    select d.id, d.deployment_id, d.environment, d.version, d.commit_sha, d.deployed_by,
      d.deployed_at, d.completed_at, d.details
    from dbkit.deployment_log d
    where d.environment = p_environment
      and d.kind = 'release'
      and d.status = 'success'
      and d.smoke_test_passed
    order by d.deployed_at desc, d.id desc
    limit 1;
end
$$;
comment on function dbkit.get_last_successful_deployment(text) is
  'The newest release of an environment that succeeded and passed its smoke tests; no row if there is
none. Raises KD004 for an unknown environment.
Nullable: commit_sha.';
grant execute on function dbkit.get_last_successful_deployment(text) to service_role, super_admin;
