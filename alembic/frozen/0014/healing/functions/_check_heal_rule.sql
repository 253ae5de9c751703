create or replace function dbkit._check_heal_rule(p_rule dbkit.heal_rules)
returns void
language plpgsql
volatile
as $$
declare
  v_rows constant text := 'TABLE(subject text, organization_id text, before jsonb, after jsonb)';
  v_problem text := case
    when p_rule.rule ~ '^[a-z][a-z0-9_]{0,62}$' is not true
      then 'the name must be snake case, at most 63 characters'
    when p_rule.rule_group !~ '^[a-z][a-z0-9_]{0,62}$'
      then 'the group must be snake case, at most 63 characters'
    when p_rule.run_order between 0 and 1000000 is not true then 'run_order is 0 to 1000000'
    when length(p_rule.description) between 1 and 500 is not true then 'it needs a description of 1 to 500 characters'
    when jsonb_typeof(p_rule.params) = 'object' is not true or length(p_rule.params::text) > 10000
      then 'params must be a JSON object of at most 10000 characters'
    when p_rule.batch_size between 1 and 1000 is not true then 'batch_size is 1 to 1000'
    when p_rule.budget_per_hour between 0 and 1000000 is not true then 'budget_per_hour is 0 to 1000000'
    when p_rule.trip_share between 0 and 1 is false then 'trip_share is 0 to 1, or NULL'
    when p_rule.trip_min between 1 and 1000000 is not true then 'trip_min is 1 to 1000000'
    when p_rule.enabled is null then 'enabled is true or false'
    when p_rule.trip_share is not null and p_rule.population_function is null
      then 'a trip_share needs a population_function that says what it is a share of'
    else coalesce(
      dbkit._heal_function_problem(p_rule.find_function, 'jsonb,integer,text[]', v_rows, 'is'),
      dbkit._heal_function_problem(p_rule.apply_function, 'jsonb,integer,text[]', v_rows, 'v'),
      case when p_rule.undo_function is not null
        then dbkit._heal_function_problem(p_rule.undo_function, 'text,jsonb,jsonb', 'text', 'v') end,
      case when p_rule.population_function is not null
        then dbkit._heal_function_problem(p_rule.population_function, 'jsonb', 'bigint', 'is') end)
  end;
begin
  if v_problem is not null then
    perform dbkit.raise_error('KD741', format('the heal rule %s is not acceptable: %s', left(p_rule.rule, 100), v_problem),
      jsonb_build_object('rule', left(p_rule.rule, 100), 'problem', v_problem),
      'dbkit.register_heal_rule''s comment says what each function takes and returns; they run with the rights '
      'of whoever heals: grant execute to service_role, super_admin.');
  end if;
end
$$;
comment on function dbkit._check_heal_rule(dbkit.heal_rules) is
  'Raises KD741 unless a rule can be registered so.';
