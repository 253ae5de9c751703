create or replace function dbkit.get_heal_rules()
returns table (
  rule text,
  rule_group text,
  run_order int,
  description text,
  params jsonb,
  enabled boolean,
  batch_size int,
  budget_per_hour int,
  budget_left int,
  trip_share numeric,
  trip_min int,
  tripped_at timestamptz,
  trip_detail jsonb,
  allowance int,
  can_undo boolean,
  last_run_at timestamptz,
  last_outcome text,
  last_error text,
  healing_enabled boolean
)
language plpgsql
stable
as $$
begin
  return query
  select r.rule::text, r.rule_group::text, r.run_order, r.description, r.params, r.enabled, r.batch_size,
    r.budget_per_hour, dbkit._heal_budget_left(r), r.trip_share, r.trip_min, r.tripped_at, r.trip_detail,
    r.allowance, r.undo_function is not null, l.started_at, l.outcome, l.error, s.enabled
  from dbkit.heal_rules r
  cross join dbkit.heal_switch s
  left join lateral (
    select n.started_at, n.outcome, n.error
    from dbkit.heal_runs n
    where n.rule = r.rule
    order by n.id desc
    limit 1) as l on true
  order by r.run_order, r.rule;
end
$$;
comment on function dbkit.get_heal_rules() is
  'The heal rules, their limits, and how each last ran. healing_enabled: the kill switch of them all.
Nullable: rule_group, trip_share, tripped_at, trip_detail, last_run_at, last_outcome, last_error.
Needs service_role.';
grant execute on function dbkit.get_heal_rules() to service_role, super_admin;
