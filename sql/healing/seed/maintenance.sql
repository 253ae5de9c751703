do $$
declare
  v_step dbkit.maintenance_steps;
  v_each record;
begin
  v_step.every_seconds := 900;
  v_step.enabled := true;
  for v_each in
    select *
    from (values
      ('auto_heal', 'dbkit.run_heal_rules', 10, true, 'Heal rules: one batch of each'),
      ('refresh_order_health', 'dbkit.refresh_order_health', 20, false, 'Refreshes mv_order_health'),
      ('evaluate_alerts', 'dbkit.evaluate_alert_rules', 30, false, 'Evaluates the alert rules'),
      ('cleanup_metrics', 'dbkit.cleanup_old_metrics', 40, true, 'Deletes metrics older than 30 days'),
      ('prune_maintenance', 'dbkit.prune_maintenance', 50, true, 'Forgets old runs')
    ) as v (step, function_name, run_order, holds_locks, description)
  loop
    v_step.step := v_each.step;
    v_step.description := v_each.description;
    v_step.function_signature := v_each.function_name;
    v_step.run_order := v_each.run_order;
    v_step.holds_locks := v_each.holds_locks;
    perform dbkit._register_maintenance_step(v_step, p_may_lack => true);
  end loop;
end $$;
select dbkit._register_worker_task('maintenance', 'dbkit.run_due_maintenance', 60);
-- down
select dbkit._unregister_worker_task('maintenance');
delete from dbkit.maintenance_steps
where step in
  ('auto_heal', 'refresh_order_health', 'evaluate_alerts', 'cleanup_metrics', 'prune_maintenance');
