create or replace function dbkit._metric_time_problem(p_created_at timestamptz)
returns text
language plpgsql
stable
as $$
begin
  return case
    when not isfinite(p_created_at) then 'created_at must be finite'
    when p_created_at > dbkit.clock() + interval '1 minute' then 'created_at lies in the future'
    when to_regclass('dbkit.runtime_metrics_' || to_char(p_created_at at time zone 'UTC', 'YYYYMMDD')) is null
      then 'created_at lies in a day that has no partition'
  end;
end
$$;
comment on function dbkit._metric_time_problem(timestamptz) is
  'Why an event cannot have that time; NULL: it can.';
