select dbkit._register_worker_task('ensure_metric_partitions', 'dbkit.ensure_metric_partitions', 21600);
select dbkit._register_worker_task('rollup_metrics', 'dbkit.rollup_metrics', 10);
select dbkit._register_worker_task('cleanup_old_metrics', 'dbkit.cleanup_old_metrics', 86400);
-- down
select dbkit._unregister_worker_task('ensure_metric_partitions');
select dbkit._unregister_worker_task('rollup_metrics');
select dbkit._unregister_worker_task('cleanup_old_metrics');
