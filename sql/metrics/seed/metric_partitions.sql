select dbkit._make_day_partitions('dbkit.runtime_metrics', 14);
-- down
-- The partitions go with their table.
