select dbkit._register_worker_task('ensure_request_log_partitions', 'dbkit.ensure_request_log_partitions',
  21600);
select dbkit._register_worker_task('expire_idempotency_keys', 'dbkit.expire_idempotency_keys', 3600);
select dbkit._register_worker_task('rollup_api_version_usage', 'dbkit.rollup_api_version_usage', 900);
-- down
select dbkit._unregister_worker_task('ensure_request_log_partitions');
select dbkit._unregister_worker_task('expire_idempotency_keys');
select dbkit._unregister_worker_task('rollup_api_version_usage');
