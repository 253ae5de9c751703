create or replace function dbkit.get_maintenance_steps()
returns table (
  step text,
  description text,
  function_signature text,
  run_order int,
  holds_locks boolean,
  every_seconds int,
  enabled boolean,
  next_run_at timestamptz,
  last_run_at timestamptz,
  last_outcome text,
  last_error text,
  last_took_ms numeric
)
language plpgsql
stable
as $$
begin
  return query
  select s.step::text, s.description, s.function_signature, s.run_order, s.holds_locks, s.every_seconds,
    s.enabled, s.next_run_at, l.started_at, l.outcome, l.error, l.took_ms
  from dbkit.maintenance_steps s
  left join lateral (
    select r.started_at, r.outcome, r.error, r.took_ms
    from dbkit.maintenance_runs r
    where r.step = s.step
    order by r.id desc
    limit 1) as l on true
  order by s.run_order, s.step;
end
$$;
comment on function dbkit.get_maintenance_steps() is
  'The steps of the maintenance, and how each last ended.
Nullable: last_run_at, last_outcome, last_error, last_took_ms.
Needs service_role.';
grant execute on function dbkit.get_maintenance_steps() to service_role, super_admin;
