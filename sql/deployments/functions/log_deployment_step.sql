-- No step begins in a deployment that is over: a deploy that was paused must see that it has been given up.
-- The outcome of a step is taken even then, since it is what happened.
create or replace function dbkit.log_deployment_step(
  p_deployment_id text,
  p_step text,
  p_status text,
  p_details jsonb default '{}',
  p_contract_revisions text[] default '{}'
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_row dbkit.deployment_log;
  v_details jsonb := coalesce(p_details, '{}');
  v_problem text;
  v_id bigint;
begin
  perform dbkit.require_service('logging a step of a deployment');
  v_problem := case
    when p_step is null or p_step !~ '^[a-z][a-z0-9_]{0,62}$' then 'p_step must be snake case, at most 63 characters'
    when p_status is null or p_status not in ('started', 'done', 'failed', 'inconclusive')
      then 'p_status must be started, done, failed or inconclusive'
    when jsonb_typeof(v_details) <> 'object' or octet_length(v_details::text) > 65536
      then 'p_details must be a JSON object of at most 65536 bytes'
    when p_contract_revisions is null or cardinality(p_contract_revisions) > 1000
      or array_position(p_contract_revisions, null) is not null
      or exists (select from unnest(p_contract_revisions) as r where length(r) not between 1 and 100)
      then 'p_contract_revisions must be at most 1000 names of 1 to 100 characters'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  select * into v_row from dbkit.deployment_log where deployment_id = p_deployment_id for share;
  if not found then
    perform dbkit.raise_error('KD201',
      format('there is no deployment "%s"', left(p_deployment_id, 100)),
      jsonb_build_object('deployment_id', left(p_deployment_id, 100)));
  elsif v_row.status <> 'deploying' and p_status = 'started' then
    perform dbkit.raise_error('KD208', format('the deployment "%s" is over', p_deployment_id),
      jsonb_build_object('deployment_id', p_deployment_id, 'status', v_row.status),
      'Another deploy found it unfinished and gave it up; begin anew.');
  end if;
  insert into dbkit.deployment_steps
    (deployment_log_id, step, status, logged_at, contract_revisions, details)
  values (v_row.id, p_step, p_status, dbkit.clock(), p_contract_revisions, v_details)
  returning id into v_id;
  return v_id;
end
$$;
comment on function dbkit.log_deployment_step(text, text, text, jsonb, text[]) is
  'Adds a step (migrate, switch, smoke, …) to a deployment: started before it is done, then done, failed or
inconclusive. p_contract_revisions: migrations that the step begins and that older code cannot work with; a
rollback never goes past them. Returns the step''s number. Needs service_role.
Raises KD003, KD004, KD201, and KD208 for a step that begins when the deployment is over.';
grant execute on function dbkit.log_deployment_step(text, text, text, jsonb, text[])
to service_role, super_admin;
