select dbkit._generate_metric_value_key();
-- down
drop function dbkit._metric_value_key(text);
