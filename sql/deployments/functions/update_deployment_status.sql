-- The row is locked before its status is read: of two reporters one wins and the other is told.
create or replace function dbkit.update_deployment_status(
  p_deployment_id text,
  p_status text,
  p_smoke_test_passed boolean default null
)
returns table (
  deployment_id text,
  kind text,
  environment text,
  version text,
  status text,
  smoke_test_passed boolean,
  deployed_at timestamptz,
  completed_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_row dbkit.deployment_log;
  v_allowed text[];
begin
  perform dbkit.require_service('changing a deployment''s status');
  if p_status is null or p_status not in ('deploying', 'success', 'failed', 'rolled_back') then
    perform dbkit.raise_error('KD004', 'p_status must be success, failed or rolled_back',
      jsonb_build_object('argument', 'p_status', 'value', left(p_status, 100)));
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
  v_allowed := case v_row.status
    when 'deploying' then array['success', 'failed', 'rolled_back']
    when 'rolled_back' then array[]::text[]
    else array['rolled_back']
  end;
  if v_row.kind = 'rollback' then
    v_allowed := array_remove(v_allowed, 'rolled_back');
  end if;
  if p_status <> all (v_allowed) then
    perform dbkit.raise_error('KD203',
      format('the deployment "%s" is %s and cannot become %s', p_deployment_id, v_row.status,
        p_status),
      jsonb_build_object('deployment_id', p_deployment_id, 'from', v_row.status, 'to', p_status,
        'allowed', v_allowed));
  end if;
  return query
    update dbkit.deployment_log d
    set status = p_status,
      smoke_test_passed = coalesce(p_smoke_test_passed, d.smoke_test_passed),
      completed_at = coalesce(d.completed_at, dbkit.clock())
    where d.id = v_row.id
    returning d.deployment_id, d.kind, d.environment, d.version, d.status, d.smoke_test_passed,
      d.deployed_at, d.completed_at;
  perform dbkit._tell_deployment(p_deployment_id, 'ended');
end
$$;
comment on function dbkit.update_deployment_status(text, text, boolean) is
  'Reports a deployment''s outcome and its smoke tests; returns the row. deploying becomes success,
failed or rolled_back; success and failed become rolled_back; a rollback itself is never rolled back.
p_smoke_test_passed NULL leaves what is there. Errors: KD003 without service_role, KD004 for an
unknown status, KD201 for an unknown deployment, KD203 for any other change.
Nullable: smoke_test_passed.';
grant execute on function dbkit.update_deployment_status(text, text, boolean)
to service_role, super_admin;
