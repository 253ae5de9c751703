create or replace function dbkit.log_deployment(
  p_version text,
  p_environment text default 'production',
  p_commit_sha text default null,
  p_deployment_id text default null,
  p_details jsonb default '{}'
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_deployment_id text := coalesce(p_deployment_id, 'dep_' || gen_random_uuid());
  v_details jsonb := coalesce(p_details, '{}');
  v_problem text;
begin
  perform dbkit.require_service('logging a deployment');
  perform dbkit._check_environment(p_environment);
  v_problem := case
    when p_version is null or p_version !~ '^\S{1,100}$'
      then 'p_version must be 1 to 100 characters without white space'
    when p_commit_sha !~ '^[0-9a-f]{7,64}$'
      then 'p_commit_sha must be 7 to 64 hexadecimal digits in lower case'
    when v_deployment_id !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'
      then 'p_deployment_id must be 1 to 100 letters, digits or any of . _ : -'
    when jsonb_typeof(v_details) <> 'object' or octet_length(v_details::text) > 65536
      then 'p_details must be a JSON object of at most 65536 bytes'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  insert into dbkit.deployment_log
    (deployment_id, kind, environment, version, commit_sha, deployed_by, deployed_at, status, details)
  values
    (v_deployment_id, 'release', p_environment, p_version, p_commit_sha, dbkit.caller_role(),
      dbkit.clock(), 'deploying', v_details)
  on conflict (deployment_id) do nothing;
  if not found then
    perform dbkit.raise_error('KD202', format('the deployment "%s" is already logged', v_deployment_id),
      jsonb_build_object('deployment_id', v_deployment_id),
      'Use an id of its own for each deployment, or leave it out to have one made.');
  end if;
  perform dbkit._tell_deployment(v_deployment_id, 'begun');
  return v_deployment_id;
end
$$;
comment on function dbkit.log_deployment(text, text, text, text, jsonb) is
  'Logs that a release starts (status deploying). Returns its deployment_id: the one given, or
dep_<uuid>. Report the outcome with update_deployment_status. Environment: staging or production.
Errors: KD003 without service_role, KD004 for a bad argument, KD202 for an id that is taken.';
grant execute on function dbkit.log_deployment(text, text, text, text, jsonb)
to service_role, super_admin;
