create or replace function dbkit._tell_deployment(p_deployment_id text, p_action text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._record_deployment_metric((
    select jsonb_build_object('action', p_action, 'deployment_id', d.deployment_id, 'status', d.status,
      'kind', d.kind, 'environment', d.environment, 'version', d.version)
    from dbkit.deployment_log d
    where d.deployment_id = p_deployment_id));
end
$$;
comment on function dbkit._tell_deployment(text, text) is
  'Records what became of a deployment as a metric (action, deployment_id, status), for alert rules.';
