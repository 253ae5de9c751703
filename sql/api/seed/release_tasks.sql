select dbkit._register_worker_task('evaluate_releases', 'dbkit.evaluate_releases', 10);
-- down
select dbkit._unregister_worker_task('evaluate_releases');
update dbkit.active_api_version set has_pins = (select count(*) > 0 from dbkit.api_consumers);
