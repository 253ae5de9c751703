-- A metric is told about a deploy, and must never stop one, a switch back least of all. What went wrong
-- then is in the server's log.
create or replace function dbkit._record_deployment_metric(p_data jsonb)
returns void
language plpgsql
volatile
as $$
begin
  if to_regproc('dbkit.record_metric') is not null then
    perform dbkit.record_metric('deployment', p_data);
  end if;
exception
  when others then
    raise log 'the metric of a deployment was not recorded: % %', sqlstate, sqlerrm;
end
$$;
comment on function dbkit._record_deployment_metric(jsonb) is
  'Records a metric of the type deployment, for alert rules; never fails.';
