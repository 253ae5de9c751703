select dbkit._register_worker_task('prune_command_log', 'dbkit.prune_command_log', 3600);
select dbkit._register_worker_task('prune_query_cache', 'dbkit.prune_query_cache', 300);
-- down
select dbkit._unregister_worker_task('prune_command_log');
select dbkit._unregister_worker_task('prune_query_cache');
