-- Two rules that keep a rollback from making things worse. The schema is one for all environments that log
-- here, so a contract migration of any of them counts, also one that failed on its way.
create or replace function dbkit._check_rollback_target(
  p_row dbkit.deployment_log,
  p_target dbkit.deployment_log
)
returns void
language plpgsql
stable
as $$
declare
  v_revisions text[];
  v_failed dbkit.deployment_log;
begin
  select array_agg(distinct r order by r) into v_revisions
  from dbkit.deployment_steps s
  join dbkit.deployment_log d on d.id = s.deployment_log_id
  cross join unnest(s.contract_revisions) as r
  where s.contract_revisions <> '{}' and (d.deployed_at, d.id) > (p_target.deployed_at, p_target.id);
  if v_revisions is not null then
    perform dbkit.raise_error('KD206',
      format('"%s" is older than the contract migration %s: it does not work with this schema',
        p_target.deployment_id, array_to_string(v_revisions, ', ')),
      jsonb_build_object('deployment_id', p_row.deployment_id, 'target', p_target.deployment_id,
        'contract_revisions', v_revisions),
      'Repair and deploy forward.');
  end if;
  select * into v_failed
  from dbkit.deployment_log d
  where d.environment = p_row.environment and d.kind = 'rollback' and d.status = 'failed'
    and not exists (
      select from dbkit.deployment_log s
      where s.environment = d.environment and s.status = 'success' and s.smoke_test_passed
        and s.kind in ('release', 'rollback') and (s.deployed_at, s.id) > (d.deployed_at, d.id))
  order by d.deployed_at desc, d.id desc
  limit 1;
  if found then
    perform dbkit.raise_error('KD207',
      format('the rollback "%s" has failed, and nothing has worked since: no second one', v_failed.deployment_id),
      jsonb_build_object('deployment_id', p_row.deployment_id, 'failed_rollback', v_failed.deployment_id),
      'Something else than the release is broken; look, repair, deploy forward.');
  end if;
end
$$;
comment on function dbkit._check_rollback_target(dbkit.deployment_log, dbkit.deployment_log) is
  'Raises KD206 for a target older than a contract migration, KD207 after a rollback that failed.';
