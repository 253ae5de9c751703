create or replace function dbkit._metric_time_problem(p_created_at timestamptz)
returns text
language plpgsql
stable
as $$
begin
  return case
    when not isfinite(p_created_at) then 'created_at must be finite'
    when p_created_at > dbkit.clock() + interval '1 minute' then 'created_at lies in the future'
    when not dbkit._has_metric_day(p_created_at)
      and date_trunc('day', p_created_at, 'UTC') <> date_trunc('day', dbkit.clock(), 'UTC')
      then 'created_at lies in a day that has no partition'
  end;
end
$$;
comment on function dbkit._metric_time_problem(timestamptz) is
  'Why an event cannot have that time; NULL: it can.';
