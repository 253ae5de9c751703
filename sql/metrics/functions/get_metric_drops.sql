create or replace function dbkit.get_metric_drops(p_hours int default 24)
returns table (hour timestamptz, reason text, dropped bigint)
language plpgsql
stable
as $$
begin
  perform dbkit.require_service('reading drops of metrics');
  perform dbkit._check_hours(p_hours);
  return query
  select d.hour, d.reason::text, sum(d.dropped)::bigint
  from dbkit.metric_drops d
  where d.hour > dbkit.clock() - (p_hours + 1) * interval '1 hour'
  group by d.hour, d.reason
  order by d.hour desc, d.reason;
end
$$;
comment on function dbkit.get_metric_drops(int) is
  'Events that ingest_metrics dropped in the last p_hours (whole hours, newest first), by reason; series_cap
counts those stored as __other__. Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_metric_drops(int) to service_role, super_admin;
