select dbkit._generate_metric_runway();
-- down
drop function dbkit._metric_runway();
