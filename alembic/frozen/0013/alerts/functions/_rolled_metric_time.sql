-- Each of many rules would count the same newest events one by one; where the roll-up stands, seconds ago,
-- they are counted already. The next evaluation sees the rest: windows overlap, so nothing is missed.
create or replace function dbkit._rolled_metric_time(p_now timestamptz)
returns timestamptz
language plpgsql
stable
as $$
begin
  return coalesce((
    select s.rolled_until
    from dbkit.metric_rollup_state s
    where s.rolled_until > p_now - interval '30 seconds' and s.rolled_until <= p_now
    limit 1), p_now);
end
$$;
comment on function dbkit._rolled_metric_time(timestamptz) is
  'Up to when metrics of events are measured for an evaluation at p_now: to where the roll-up stands, if that
is less than 30 s earlier.';
grant execute on function dbkit._rolled_metric_time(timestamptz) to service_role, super_admin;
