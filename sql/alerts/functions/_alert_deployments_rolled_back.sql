-- A rollback that is logged has a row with its time. Where somebody only reports that a release was rolled
-- back, the log keeps no time of it (completed_at is when it was first done): the metric does.
create or replace function dbkit._alert_deployments_rolled_back(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
declare
  v_from constant timestamptz := p_now - make_interval(mins => p_window_minutes);
begin
  select count(distinct d.deployment_id) into samples
  from (
    select l.details ->> 'rolled_back_deployment_id' as deployment_id, l.environment
    from dbkit.deployment_log l
    where l.kind = 'rollback' and l.deployed_at > v_from and l.deployed_at <= p_now
    union all
    select m.event_data ->> 'deployment_id', m.event_data ->> 'environment'
    from dbkit.runtime_metrics m
    where m.event_type = 'deployment' and m.created_at > v_from and m.created_at <= p_now
      and m.event_data @> '{"action": "ended", "status": "rolled_back"}'
  ) as d
  where p_params ->> 'environment' is null or d.environment = p_params ->> 'environment';
  value := samples::double precision;
end
$$;
comment on function dbkit._alert_deployments_rolled_back(timestamptz, int, jsonb) is
  'Deployments that were rolled back within the window, whether that worked or not. p_params: {"environment":
"production"}, NULL for all.';
grant execute on function dbkit._alert_deployments_rolled_back(timestamptz, int, jsonb)
to service_role, super_admin;
