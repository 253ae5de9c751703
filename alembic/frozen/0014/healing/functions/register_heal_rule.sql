create or replace function dbkit.register_heal_rule(
  p_rule text,
  p_description text,
  p_find_function text,
  p_apply_function text,
  p_undo_function text default null,
  p_population_function text default null,
  p_params jsonb default '{}',
  p_group text default null,
  p_run_order int default 100,
  p_batch_size int default 20,
  p_budget_per_hour int default 500,
  p_trip_share numeric default null,
  p_trip_min int default 100,
  p_enabled boolean default true
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_rule dbkit.heal_rules;
begin
  perform dbkit.require_super_admin('registering a heal rule');
  v_rule.rule := p_rule;
  v_rule.rule_group := p_group;
  v_rule.run_order := p_run_order;
  v_rule.description := p_description;
  v_rule.find_function := p_find_function;
  v_rule.apply_function := p_apply_function;
  v_rule.undo_function := p_undo_function;
  v_rule.population_function := p_population_function;
  v_rule.params := p_params;
  v_rule.batch_size := p_batch_size;
  v_rule.budget_per_hour := p_budget_per_hour;
  v_rule.trip_share := p_trip_share;
  v_rule.trip_min := p_trip_min;
  v_rule.enabled := p_enabled;
  perform dbkit._register_heal_rule(v_rule);
end
$$;
comment on function dbkit.register_heal_rule(text, text, text, text, text, text, jsonb, text, int, int, int,
  numeric, int, boolean) is
  'Registers what is put right without a person. All functions are written schema.function, run with the
rights of whoever heals, and get p_params.
p_find_function(jsonb, int, text[]) returns table (subject text, organization_id text, before jsonb, after
jsonb), STABLE: at most so many candidates, without those subjects. p_apply_function, the same but VOLATILE:
claims (for update skip locked), judges again, changes, and returns what it changed. p_undo_function(text,
jsonb, jsonb) returns text: takes back the change of a subject, or returns why it does not.
p_population_function(jsonb) returns bigint: what p_trip_share is a share of.
Registered again, functions, params, group and order are replaced; limits and the switch stay as
set_heal_limits has them.
Needs super_admin. Raises KD003, KD741.';
grant execute on function dbkit.register_heal_rule(text, text, text, text, text, text, jsonb, text, int, int,
  int, numeric, int, boolean) to super_admin;
