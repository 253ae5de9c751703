create or replace function dbkit.get_command_stats(
  p_hours int default 24,
  p_organization_id text default null
)
returns table (
  command text,
  done bigint,
  rejected bigint,
  events bigint,
  average_ms double precision,
  p50_ms double precision,
  p95_ms double precision,
  slowest_ms double precision,
  rejections jsonb,
  last_at timestamptz
)
language plpgsql
stable
as $$
begin
  perform dbkit.require_service('reading figures of commands');
  if p_hours between 1 and 8760 is not true then
    perform dbkit.raise_error('KD004', 'p_hours must be 1 to 8760', '{"argument": "p_hours"}');
  end if;
  return query
  with l as (
    select *
    from dbkit.command_log c
    where c.created_at > dbkit.clock() - make_interval(hours => p_hours)
      and (p_organization_id is null or c.organization_id = p_organization_id)
  ), r as (
    select x.command, jsonb_object_agg(x.sqlstate, x.times) as by_sqlstate
    from (
      select l.command, l.rejection ->> 'sqlstate' as sqlstate, count(*) as times
      from l
      where l.status = 'rejected'
      group by 1, 2
    ) as x
    group by x.command
  )
  select l.command, count(*) filter (where l.status = 'done'), count(*) filter (where l.status = 'rejected'),
    sum(l.events)::bigint, avg(l.duration_ms), percentile_cont(0.5) within group (order by l.duration_ms),
    percentile_cont(0.95) within group (order by l.duration_ms), max(l.duration_ms),
    coalesce((select r.by_sqlstate from r where r.command = l.command), '{}'), max(l.created_at)
  from l
  group by l.command
  order by count(*) desc, l.command;
end
$$;
comment on function dbkit.get_command_stats(int, text) is
  'Figures of the commands of the last p_hours (1 to 8760), of one organization or (NULL) all, the most
frequent first. rejections: how many by SQLSTATE. Commands that raised an error are not in the log; replays
are not counted. Durations in milliseconds. Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_command_stats(int, text) to service_role, super_admin;
