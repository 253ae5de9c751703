-- Counts no further than it takes to judge, so that a million candidates cost as much as half a population.
create or replace function dbkit._judge_heal_rule(p_rule dbkit.heal_rules, p_except text[])
returns jsonb
language plpgsql
stable
as $$
declare
  v_find regproc;
  v_count regproc;
  v_population bigint;
  v_enough int;
  v_found int;
begin
  if p_rule.trip_share is null or p_rule.allowance > 0 then
    return jsonb_build_object('trips', false, 'found', null, 'population', null);
  end if;
  v_find := (p_rule.find_function || '(jsonb,integer,text[])')::regprocedure::oid::regproc;
  v_count := (p_rule.population_function || '(jsonb)')::regprocedure::oid::regproc;
  execute format('select %s($1)', v_count) into v_population using p_rule.params;
  v_population := coalesce(v_population, 0);
  v_enough := least(greatest(p_rule.trip_min, floor(v_population * p_rule.trip_share) + 1), 1000000)::int;
  execute format('select count(*) from %s($1, $2, $3)', v_find)
  into v_found
  using p_rule.params, v_enough, p_except;
  return jsonb_build_object('trips', v_found >= v_enough, 'found', v_found, 'population', v_population);
end
$$;
comment on function dbkit._judge_heal_rule(dbkit.heal_rules, text[]) is
  'Whether a rule would change too large a share: {trips, found (or more), population}; both NULL when it is
not judged.';
grant execute on function dbkit._judge_heal_rule(dbkit.heal_rules, text[]) to service_role, super_admin;
