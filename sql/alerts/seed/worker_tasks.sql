select dbkit._register_worker_task('evaluate_alert_rules', 'dbkit.evaluate_alert_rules', 15);
select dbkit._register_worker_task('prune_alert_history', 'dbkit.prune_alert_history', 86400);
-- down
select dbkit._unregister_worker_task('evaluate_alert_rules');
select dbkit._unregister_worker_task('prune_alert_history');
