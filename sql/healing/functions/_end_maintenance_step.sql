create or replace function dbkit._end_maintenance_step(
  p_step text,
  p_started_at timestamptz,
  p_took_ms numeric,
  p_outcome text,
  p_result jsonb,
  p_error text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('maintenance');
  insert into dbkit.maintenance_runs (step, started_at, took_ms, outcome, result, error)
  values (p_step, p_started_at, p_took_ms, p_outcome, p_result, left(p_error, 1000));
  update dbkit.maintenance_steps s
  set next_run_at = dbkit.clock() + case when p_result @> '{"more": true}' then interval '0'
    else make_interval(secs => s.every_seconds) end
  where s.step = p_step;
end
$$;
comment on function dbkit._end_maintenance_step(text, timestamptz, numeric, text, jsonb, text) is
  'Keeps how a step ended, and when a worker runs it again. Raises KD003.';
grant execute on function dbkit._end_maintenance_step(text, timestamptz, numeric, text, jsonb, text)
to service_role, super_admin;
