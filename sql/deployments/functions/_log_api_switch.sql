-- Called under the lock of the active version's row, so every switch waits for it: one insert and
-- nothing else. It has no grants: the switch, which runs as the owner, has checked the caller.
create or replace function dbkit._log_api_switch(p_version text, p_details jsonb)
returns text
language plpgsql
volatile
as $$
declare
  v_environment text :=
    coalesce(nullif(current_setting('dbkit.environment', true), ''), 'production');
  v_now timestamptz := dbkit.clock();
  v_deployment_id text := 'dep_' || gen_random_uuid();
begin
  perform dbkit._check_environment(v_environment);
  insert into dbkit.deployment_log
    (deployment_id, kind, environment, version, deployed_by, deployed_at, completed_at, status, details)
  values
    (v_deployment_id, 'api_switch', v_environment, p_version, dbkit.caller_role(), v_now, v_now,
      'success', coalesce(p_details, '{}'));
  return v_deployment_id;
end
$$;
comment on function dbkit._log_api_switch(text, jsonb) is
  'Logs that the active API version moved. Returns the deployment_id. The environment is the setting
dbkit.environment (staging or production, else KD004), production when it is not set.';
