create or replace function dbkit.get_deployment_steps(p_deployment_id text)
returns table (
  step text,
  status text,
  logged_at timestamptz,
  contract_revisions text[],
  details jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading deployments');
  return query
    select s.step, s.status, s.logged_at, s.contract_revisions, s.details
    from dbkit.deployment_log d
    join dbkit.deployment_steps s on s.deployment_log_id = d.id
    where d.deployment_id = p_deployment_id
    order by s.id;
end
$$;
comment on function dbkit.get_deployment_steps(text) is
  'What a deployment did, in order; no row for one that is not known. Needs service_role (KD003).';
grant execute on function dbkit.get_deployment_steps(text) to service_role, super_admin;
