select dbkit._register_worker_task('prune_rate_windows', 'dbkit.prune_rate_windows', 600);
-- down
select dbkit._unregister_worker_task('prune_rate_windows');
