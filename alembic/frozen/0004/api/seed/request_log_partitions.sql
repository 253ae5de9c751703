select dbkit._make_day_partitions('dbkit.api_request_log', 14);
-- down
-- The partitions go with their table.
