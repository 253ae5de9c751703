select dbkit._register_worker_task('prune_deliveries', 'dbkit.prune_deliveries', 3600);
-- down
select dbkit._unregister_worker_task('prune_deliveries');
