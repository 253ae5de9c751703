-- The rules of the restaurant, registered as a user's own would be. What the first has just made ready is
-- not old enough for the second: no order is moved twice at once.
do $$
declare
  v_rule dbkit.heal_rules;
begin
  v_rule.rule_group := 'stuck_orders';
  v_rule.find_function := 'dbkit._find_stuck_orders';
  v_rule.apply_function := 'dbkit._heal_stuck_orders';
  v_rule.undo_function := 'dbkit._undo_order_heal';
  v_rule.population_function := 'dbkit._count_recent_orders';
  v_rule.batch_size := 5;
  v_rule.budget_per_hour := 500;
  v_rule.trip_share := 0.5;
  v_rule.trip_min := 100;
  v_rule.enabled := true;

  v_rule.rule := 'preparing_orders';
  v_rule.run_order := 10;
  v_rule.description := 'preparing for more than 45 minutes becomes ready';
  v_rule.params := '{"from": "preparing", "to": "ready", "after_minutes": 45,
    "reason": "Likely prepared but staff forgot to update"}';
  perform dbkit._register_heal_rule(v_rule);

  v_rule.rule := 'ready_orders';
  v_rule.run_order := 20;
  v_rule.description := 'ready for more than 2 hours becomes completed';
  v_rule.params := '{"from": "ready", "to": "completed", "after_minutes": 120,
    "reason": "Likely picked up but staff forgot to complete"}';
  perform dbkit._register_heal_rule(v_rule);
end $$;
-- down
delete from dbkit.heal_rules where rule in ('preparing_orders', 'ready_orders');
