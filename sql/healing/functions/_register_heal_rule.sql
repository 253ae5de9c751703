-- A rule that is there keeps what its operators set: the limits, the switch, a trip.
create or replace function dbkit._register_heal_rule(p_rule dbkit.heal_rules)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._check_heal_rule(p_rule);
  insert into dbkit.heal_rules as r (rule, rule_group, run_order, description, find_function, apply_function,
    undo_function, population_function, params, batch_size, budget_per_hour, trip_share, trip_min, enabled)
  values (p_rule.rule, p_rule.rule_group, p_rule.run_order, p_rule.description, p_rule.find_function,
    p_rule.apply_function, p_rule.undo_function, p_rule.population_function, p_rule.params, p_rule.batch_size,
    p_rule.budget_per_hour, p_rule.trip_share, p_rule.trip_min, p_rule.enabled)
  on conflict (rule) do update
  set rule_group = excluded.rule_group, run_order = excluded.run_order, description = excluded.description,
    find_function = excluded.find_function, apply_function = excluded.apply_function,
    undo_function = excluded.undo_function, population_function = excluded.population_function,
    params = excluded.params,
    trip_share = case when excluded.population_function is not null then r.trip_share end;
end
$$;
comment on function dbkit._register_heal_rule(dbkit.heal_rules) is
  'What register_heal_rule does, for seeds. Raises KD741.';
