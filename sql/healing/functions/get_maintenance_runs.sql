create or replace function dbkit.get_maintenance_runs(
  p_step text default null,
  p_before_id bigint default null,
  p_limit int default 50
)
returns table (
  run_id bigint,
  step text,
  started_at timestamptz,
  took_ms numeric,
  outcome text,
  result jsonb,
  error text
)
language plpgsql
stable
as $$
begin
  perform dbkit._check_heal_page(p_limit);
  return query
  select r.id, r.step::text, r.started_at, r.took_ms, r.outcome, r.result, r.error
  from dbkit.maintenance_runs r
  where (p_step is null or r.step = p_step) and (p_before_id is null or r.id < p_before_id)
  order by r.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_maintenance_runs(text, bigint, int) is
  'The runs of maintenance steps, newest first, p_limit (1 to 1000) at a time.
Nullable: result, error.
Needs service_role. Raises KD004.';
grant execute on function dbkit.get_maintenance_runs(text, bigint, int) to service_role, super_admin;
