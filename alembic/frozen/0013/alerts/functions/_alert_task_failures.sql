create or replace function dbkit._alert_task_failures(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
begin
  if dbkit._is_alert_time_now(p_now) and p_window_minutes > 0 and p_params is not null then
    select count(*) filter (where t.failures_in_a_row > 0)::double precision, count(*)
    into value, samples
    from dbkit.worker_tasks t;
  end if;
end
$$;
comment on function dbkit._alert_task_failures(timestamptz, int, jsonb) is
  'Tasks of workers whose last run failed; NULL for the past.';
grant execute on function dbkit._alert_task_failures(timestamptz, int, jsonb) to service_role, super_admin;
