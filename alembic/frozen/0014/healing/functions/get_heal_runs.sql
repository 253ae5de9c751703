create or replace function dbkit.get_heal_runs(
  p_rule text default null,
  p_before_id bigint default null,
  p_limit int default 50
)
returns table (
  run_id bigint,
  rule text,
  started_at timestamptz,
  took_ms numeric,
  outcome text,
  found int,
  population bigint,
  healed int,
  error text
)
language plpgsql
stable
as $$
begin
  perform dbkit._check_heal_page(p_limit);
  return query
  select r.id, r.rule::text, r.started_at, r.took_ms, r.outcome, r.found, r.population, r.healed, r.error
  from dbkit.heal_runs r
  where (p_rule is null or r.rule = p_rule) and (p_before_id is null or r.id < p_before_id)
  order by r.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_heal_runs(text, bigint, int) is
  'The runs of heal rules, newest first, p_limit (1 to 1000) at a time.
Nullable: found, population, error.
Needs service_role. Raises KD004.';
grant execute on function dbkit.get_heal_runs(text, bigint, int) to service_role, super_admin;
