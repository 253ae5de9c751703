create or replace function dbkit._last_deployment_before(p_at timestamptz)
returns bigint
language sql
stable
as $$
select d.id
from dbkit.deployment_log d
where d.environment = 'production' and d.deployed_at <= p_at and d.deployed_at > p_at - interval '24 hours'
order by d.deployed_at desc, d.id desc
limit 1
$$;
comment on function dbkit._last_deployment_before(timestamptz) is
  'What was deployed to production last, within 24 hours before a time: a release, a switch or a rollback.';
