select dbkit._register_platform_figures('events', 'dbkit._event_figures()');
-- down
delete from dbkit.metric_figures where name = 'events';
