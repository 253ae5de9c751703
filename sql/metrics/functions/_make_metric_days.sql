create or replace function dbkit._make_metric_days(p_days_ahead int)
returns int
language plpgsql
volatile
as $$
declare
  v_made int := dbkit._make_day_partitions('dbkit.runtime_metrics', p_days_ahead);
begin
  if v_made > 0 or clock_timestamp() >= dbkit._metric_runway() then
    perform dbkit._generate_metric_runway();
  end if;
  return v_made;
end
$$;
comment on function dbkit._make_metric_days(int) is
  'Makes the missing days of runtime_metrics, and tells record_metric of them. Returns how many.';
