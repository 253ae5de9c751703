-- Lock order: the release that is rolled back first, then its target, which is always older. So
-- two rollbacks never wait for each other in a circle. The target is shared until the commit:
-- nobody can mark it failed or rolled back between the choice and the log.
create or replace function dbkit.log_rollback(
  p_deployment_id text,
  p_reason text,
  p_target_deployment_id text default null
)
returns table (
  deployment_id text,
  rolled_back_deployment_id text,
  environment text,
  target_deployment_id text,
  target_version text,
  target_commit_sha text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_row dbkit.deployment_log;
  v_target dbkit.deployment_log;
  v_target_id bigint;
  v_deployment_id text := 'dep_' || gen_random_uuid();
  v_now timestamptz := dbkit.clock();
begin
  perform dbkit.require_service('rolling a deployment back');
  if p_reason is null or length(btrim(p_reason)) not between 1 and 1000 then
    perform dbkit.raise_error('KD004', 'p_reason must be 1 to 1000 characters',
      jsonb_build_object('argument', 'p_reason'));
  end if;

  select d.*
  into v_row
  from dbkit.deployment_log d
  where d.deployment_id = p_deployment_id
  for update;
  if not found then
    perform dbkit.raise_error('KD201',
      format('there is no deployment "%s"', left(p_deployment_id, 100)),
      jsonb_build_object('deployment_id', left(p_deployment_id, 100)));
  end if;
  if v_row.kind <> 'release' then
    perform dbkit.raise_error('KD205',
      format('"%s" is of the kind %s: only a release can be rolled back', p_deployment_id, v_row.kind),
      jsonb_build_object('deployment_id', p_deployment_id, 'kind', v_row.kind),
      case v_row.kind when 'api_switch' then 'Move the API version back with switch_api_version.' end);
  end if;
  if v_row.status = 'rolled_back' then
    perform dbkit.raise_error('KD203',
      format('the deployment "%s" is rolled back already', p_deployment_id),
      jsonb_build_object('deployment_id', p_deployment_id, 'from', 'rolled_back', 'to', 'rolled_back',
        'allowed', array[]::text[]));
  end if;

  loop
    select d.id
    into v_target_id
    from dbkit.deployment_log d
    where d.environment = v_row.environment
      and d.kind = 'release'
      and d.status = 'success'
      and d.smoke_test_passed
      and (d.deployed_at, d.id) < (v_row.deployed_at, v_row.id)
      and (p_target_deployment_id is null or d.deployment_id = p_target_deployment_id)
    order by d.deployed_at desc, d.id desc
    limit 1;
    exit when not found;
    select d.*
    into v_target
    from dbkit.deployment_log d
    where d.id = v_target_id and d.status = 'success' and d.smoke_test_passed
    for share;
    exit when found;
  end loop;
  if v_target_id is null and p_target_deployment_id is null then
    perform dbkit.raise_error('KD204',
      format('no earlier release of %s succeeded and passed its smoke tests', v_row.environment),
      jsonb_build_object('deployment_id', p_deployment_id, 'environment', v_row.environment),
      'Deploy a release that works instead.');
  elsif v_target_id is null then
    select d.*
    into v_target
    from dbkit.deployment_log d
    where d.deployment_id = p_target_deployment_id;
    if not found then
      perform dbkit.raise_error('KD201',
        format('there is no deployment "%s"', left(p_target_deployment_id, 100)),
        jsonb_build_object('deployment_id', left(p_target_deployment_id, 100)));
    end if;
    perform dbkit.raise_error('KD205',
      format('"%s" cannot be put back in place of "%s"', p_target_deployment_id, p_deployment_id),
      jsonb_build_object('deployment_id', p_target_deployment_id, 'kind', v_target.kind,
        'environment', v_target.environment, 'status', v_target.status,
        'smoke_test_passed', v_target.smoke_test_passed),
      'Give an earlier release of the same environment that succeeded and passed its smoke tests.');
  end if;

  perform dbkit._check_rollback_target(v_row, v_target);
  update dbkit.deployment_log d
  set status = 'rolled_back', completed_at = coalesce(d.completed_at, v_now)
  where d.id = v_row.id;
  insert into dbkit.deployment_log
    (deployment_id, kind, environment, version, commit_sha, deployed_by, deployed_at, status,
      rollback_target_id, details)
  values
    (v_deployment_id, 'rollback', v_row.environment, v_target.version, v_target.commit_sha,
      dbkit.caller_role(), v_now, 'deploying', v_target.id,
      jsonb_build_object('reason', p_reason, 'rolled_back_deployment_id', v_row.deployment_id));
  perform dbkit._tell_deployment(v_deployment_id, 'rollback');
  return query select v_deployment_id, v_row.deployment_id, v_row.environment,
    v_target.deployment_id, v_target.version, v_target.commit_sha;
end
$$;
comment on function dbkit.log_rollback(text, text, text) is
  'Marks a release rolled_back and logs the rollback (kind rollback, status deploying) to its target:
the one given, or the last release of that environment before it that succeeded and passed its smoke
tests. Returns the rollback''s own deployment_id, to report to update_deployment_status, and what to
deploy. Errors: KD003 without service_role, KD004 without a reason, KD201 for an unknown deployment,
KD203 if it is rolled back already, KD204 if no target is there, KD205 for what is no release or no
valid target, KD206 for a target older than a contract migration (log_deployment_step), KD207 while the last
rollback has failed and nothing has worked since: never a chain of them.
Nullable: target_commit_sha.';
grant execute on function dbkit.log_rollback(text, text, text) to service_role, super_admin;
