select dbkit._register_platform_figures('core', 'dbkit._core_figures()');
select dbkit._register_platform_figures('metrics', 'dbkit._metrics_figures()');
-- down
delete from dbkit.metric_figures where name in ('core', 'metrics');
